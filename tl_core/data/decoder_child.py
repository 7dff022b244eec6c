"""Child process that decodes image files: `python -m tl_core.data.decoder_child`.

`decoders` starts it and says what each task is for. It imports little, since it has to start fast.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import Any, BinaryIO

from tl_core.data.copies import digest_of, outline_of
from tl_core.data.images import THUMBNAIL_SIDE, open_rgb, size_in_header, thumbnail_of, why_no_image
from tl_core.sandbox.inside import serve

Arguments = Mapping[str, Any]
Done = tuple[dict[str, Any], bytes | memoryview]


def take_in(arguments: Arguments, file: BinaryIO) -> Done:
    image = open_rgb(file, arguments["max_pixels"], draft_long_side=THUMBNAIL_SIDE)
    small, thumbnail = thumbnail_of(image.pixels)
    message = {
        "extension": image.extension,
        "width": image.width,
        "height": image.height,
        "span": image.span,
        "outline": outline_of(small).hex(),
    }
    return message, thumbnail


def draw_thumbnail(arguments: Arguments, file: BinaryIO) -> Done:
    pixels = open_rgb(file, arguments["max_pixels"], levels=arguments["levels"]).pixels
    small, thumbnail = thumbnail_of(pixels)
    return {"outline": outline_of(small).hex()}, thumbnail


def digest(arguments: Arguments, file: BinaryIO) -> Done:
    pixels = open_rgb(file, arguments["max_pixels"], levels=arguments["levels"]).pixels
    return {"digest": digest_of(pixels)}, b""


def decode(arguments: Arguments, file: BinaryIO) -> Done:
    pixels = open_rgb(
        file, arguments["max_pixels"], arguments["draft_side"], levels=arguments["levels"]
    ).pixels
    if arguments["longest"] is not None:
        pixels.thumbnail((arguments["longest"], arguments["longest"]))
    return {"width": pixels.width, "height": pixels.height}, pixels.tobytes()


def encode(arguments: Arguments, file: BinaryIO) -> Done:
    longest = arguments["longest"]
    image = open_rgb(
        file,
        arguments["max_pixels"],
        # A draft has at least twice the side asked for.
        draft_side=(longest + 1) // 2,
        levels=arguments["levels"],
    )
    image.pixels.thumbnail((longest, longest))
    packed = BytesIO()
    image.pixels.save(packed, arguments["format"], **arguments["options"])
    return {}, packed.getbuffer()


def explain(arguments: Arguments, file: BinaryIO) -> Done:
    return {"reason": why_no_image(file, arguments["max_pixels"])}, b""


def measure(arguments: Arguments, file: BinaryIO) -> Done:
    width, height = size_in_header(file, arguments["max_pixels"])
    return {"width": width, "height": height}, b""


TASKS = {
    "take in": take_in,
    "draw thumbnail": draw_thumbnail,
    "digest": digest,
    "decode": decode,
    "encode": encode,
    "explain": explain,
    "measure": measure,
}

if __name__ == "__main__":
    serve(TASKS)
