"""Forms that arrive from anyone: read in bounded size and time."""

from urllib.parse import parse_qs

import anyio
from starlette.requests import Request

from tl_core.errors import TransferLabError

_MOST_BYTES = 8192
_MOST_FIELDS = 10
_SECONDS = 15


class FormRefused(TransferLabError):
    """Somebody sent something that is not a form of ours."""

    status = 400


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form; of several with one name, the first.

    Raises:
        FormRefused: it is too large, takes too long or is not a form.
    """
    body = bytearray()
    try:
        with anyio.fail_after(_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise FormRefused("The form is too large. Shorten what you entered.")
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except TimeoutError:
        raise FormRefused("The form did not arrive. Try again.") from None
    except ValueError:
        raise FormRefused("The form is damaged. Load the page again.") from None
    return {name: values[0] for name, values in fields.items()}
