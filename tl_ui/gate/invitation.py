"""Invitation into the class: printed when the server starts, and shown on the teacher's page."""

import io

import segno

from tl_core.access import Directory
from tl_core.invitation import join_address, teacher_address, teacher_secret
from tl_core.settings import Settings
from tl_ui.gate.listening import base_addresses

WARNING = (
    "Browsers warn once that the connection is not private, because this machine vouches for "
    "itself: choose Advanced, then Continue. It is encrypted all the same, and only so does the "
    "page get the camera."
)


def join_addresses(settings: Settings) -> list[str]:
    """Return the addresses at which students join, the likeliest first."""
    return [join_address(base) for base in base_addresses(settings)]


def qr_code(address: str) -> str:
    """Draw an address as a QR code: SVG, dark on white whatever the theme, with a quiet zone."""
    drawing = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        drawing,
        kind="svg",
        border=4,
        light="#ffffff",
        dark="#000000",
        xmldecl=False,
        omitsize=True,
        title=address,
    )
    return drawing.getvalue().decode()


def announce(settings: Settings, directory: Directory) -> None:
    """Print the invitation of a classroom where its server was started."""
    if settings.access == "classroom":
        print(invitation(settings, directory), flush=True)


def invitation(settings: Settings, directory: Directory) -> str:
    """Write what a teacher needs at the start of a lesson; it holds the secret."""
    first, *others = base_addresses(settings)
    lines = [
        "",
        f"  Students join at     {join_address(first)}",
        f"  with the class code  {directory.classroom().code}",
        f"  You are the teacher  {teacher_address(first, teacher_secret(settings.home))}",
    ]
    if others:
        lines.append(f"  Other addresses      {', '.join(map(join_address, others))}")
    if first.startswith("https"):
        lines += ["", f"  {WARNING}"]
    else:
        lines += ["", "  Without TLS, browsers give a page no camera on other machines."]
    return "\n".join([*lines, ""])
