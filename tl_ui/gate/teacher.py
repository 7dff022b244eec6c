"""Route by which a teacher signs in: an address with the secret of the home folder."""

import hmac
from collections.abc import Callable
from functools import partial

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from tl_core.access import Directory
from tl_core.invitation import teacher_secret
from tl_core.records import Role
from tl_core.settings import Settings
from tl_ui.gate.answers import HOME, see_other, too_many
from tl_ui.gate.forms import FormRefused, read_form
from tl_ui.gate.limits import Limit, Rate, household
from tl_ui.gate.pages import page
from tl_ui.gate.visitors import COOKIE, DAY, set_session

TEACHER_SECONDS = 30 * DAY
_SUBJECT = "teacher"
"""Nobody whom a provider signs in has it, since theirs name the provider."""
_TITLE = "Sign in as the teacher"
_WRONG = "That is not the teacher's secret. It was printed when the server started."
_TRIES = Rate(at_once=20, per_second=0.1)


class TeacherSignIn:
    """Page `/teacher`, which takes the secret from its address or its form."""

    def __init__(
        self, get_settings: Callable[[], Settings], get_directory: Callable[[], Directory]
    ) -> None:
        self._get_settings = get_settings
        self._get_directory = get_directory
        self._wrong_tries = Limit(_TRIES)

    async def show(self, request: Request) -> Response:
        if self._get_settings().access != "classroom":
            return see_other(HOME)
        secret = request.query_params.get("secret")
        return page("teacher", _TITLE) if secret is None else await self._check(request, secret)

    async def take(self, request: Request) -> Response:
        if self._get_settings().access != "classroom":
            return see_other(HOME)
        try:
            form = await read_form(request)
        except FormRefused as error:
            return page("teacher", _TITLE, 400, str(error))
        return await self._check(request, form.get("secret", "").strip())

    async def _check(self, request: Request, given: str) -> Response:
        here = household(request.client.host if request.client else "")
        wait = self._wrong_tries.wait_of(here)
        if wait > 0:
            return too_many(request.scope, wait)
        secret = await to_thread.run_sync(teacher_secret, self._get_settings().home)
        if not hmac.compare_digest(given.encode(), secret.encode()):
            self._wrong_tries.take(here)
            return page("teacher", _TITLE, 403, _WRONG)
        directory = self._get_directory()
        if former := request.cookies.get(COOKIE):
            await to_thread.run_sync(directory.end_session, former)
        teacher = await to_thread.run_sync(directory.enter, _SUBJECT, "Teacher", Role.ADMIN)
        start = partial(directory.start_session, teacher.id, TEACHER_SECONDS)
        # The browser goes on to an address without the secret and keeps no trace of this one.
        response = see_other(HOME)
        set_session(response, request, await to_thread.run_sync(start), TEACHER_SECONDS)
        return response
