"""Routes for joining a class, coming back to it, and leaving."""

from collections.abc import Callable
from functools import cached_property, partial

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from tl_core.access import Directory
from tl_core.errors import NotAdmitted
from tl_core.records import Person, Role
from tl_core.settings import Settings
from tl_ui.gate.answers import HOME, inside, see_other, too_many
from tl_ui.gate.forms import FormRefused, read_form
from tl_ui.gate.limits import Limit, Rate, household
from tl_ui.gate.oidc import NEXT, sign_in_address, uses_oidc
from tl_ui.gate.pages import page
from tl_ui.gate.visitors import COOKIE, DAY, drop_session, set_session
from tl_ui.people import HEADER

STUDENT_SECONDS = 90 * DAY
"""Duration of a student's session: a term."""
_TITLE = "Join the class"
_WRONG_CODE = "That is not the code of this class. Compare it with the one your teacher shows."
_WRONG_WORD = "Nobody here has this personal word. Check each letter, or join with the class code."
# A whole class has one address behind a school's router, and mistypes.
_TRIES = Rate(at_once=100, per_second=0.25)
_JOINS = Rate(at_once=200, per_second=0.1)


class Joining:
    """Pages `/join` and `/leave`."""

    def __init__(
        self, get_settings: Callable[[], Settings], get_directory: Callable[[], Directory]
    ) -> None:
        self._get_settings = get_settings
        self._get_directory = get_directory
        self._wrong_tries = Limit(_TRIES)
        self._joins = Limit(_JOINS)

    @cached_property
    def _settings(self) -> Settings:
        return self._get_settings()

    @property
    def _directory(self) -> Directory:
        return self._get_directory()

    async def show(self, request: Request) -> Response:
        """Show the form; whoever is in already goes on."""
        onwards = inside(request.query_params.get("next", HOME))
        if self._settings.access == "open" or await self._person(request) is not None:
            return see_other(onwards)
        if self._settings.access == "classroom":
            return await self._form(onwards)
        address = sign_in_address(self._settings) if uses_oidc(self._settings) else None
        response = page("sign_in", "Sign in", address=address)
        response.set_cookie(NEXT, onwards, max_age=600, httponly=True, samesite="lax")
        return response

    async def take(self, request: Request) -> Response:
        """Take the form: a code and a name, or the personal word of somebody who comes back."""
        if self._settings.access != "classroom":
            return see_other(HOME)
        try:
            form = await read_form(request)
        except FormRefused as error:
            return await self._form(HOME, 400, str(error))
        onwards = inside(form.get("next", HOME))
        here = household(request.client.host if request.client else "")
        wait = max(self._wrong_tries.wait_of(here), self._joins.wait_of(here))
        if wait > 0:
            return too_many(request.scope, wait)
        try:
            if "word" in form:
                return await self._come_back(request, form["word"], onwards)
            return await self._join(request, form, onwards)
        except NotAdmitted as error:
            self._wrong_tries.take(here)
            return await self._form(onwards, 403, str(error), form)

    async def leave(self, request: Request) -> Response:
        """Ask whether to leave, or end the session."""
        person = await self._person(request)
        if request.method == "GET":
            if person is None:
                return see_other(HOME)
            is_classroom = self._settings.access == "classroom"
            is_teacher = person.role is Role.ADMIN
            return page(
                "leave",
                "Sign out",
                name=person.name,
                is_classroom=is_classroom,
                is_teacher=is_teacher,
                is_by_proxy=self._settings.user_header is not None,
            )
        if token := request.cookies.get(COOKIE):
            await to_thread.run_sync(self._directory.end_session, token)
        # The provider's session would otherwise sign them in again at once.
        response = see_other("/auth/logout" if uses_oidc(self._settings) else "/join")
        drop_session(response, request)
        return response

    async def _join(self, request: Request, form: dict[str, str], onwards: str) -> Response:
        known = await self._person(request)
        name = form.get("name", "")
        if known is not None and known.name == " ".join(name.split()):
            # The page was sent twice; the word of the first answer stays the right one.
            return see_other(onwards)
        person, word = await to_thread.run_sync(self._admit, form.get("code", ""), name)
        self._joins.take(household(request.client.host if request.client else ""))
        response = page("welcome", f"Welcome, {person.name}", word=word, next=onwards)
        await self._begin(request, response, person)
        return response

    def _admit(self, code: str, name: str) -> tuple[Person, str]:
        directory = self._directory
        # Where joining is closed, the directory says so.
        if directory.classroom().is_open and not directory.admits(code):
            raise NotAdmitted(_WRONG_CODE)
        return directory.join(name)

    async def _come_back(self, request: Request, word: str, onwards: str) -> Response:
        person = await to_thread.run_sync(self._directory.person_with_word, word)
        if person is None:
            raise NotAdmitted(_WRONG_WORD)
        response = see_other(onwards)
        await self._begin(request, response, person)
        return response

    async def _begin(self, request: Request, response: Response, person: Person) -> None:
        """Start a session with a new secret; the browser's former one ends."""
        if token := request.cookies.get(COOKIE):
            await to_thread.run_sync(self._directory.end_session, token)
        start = partial(self._directory.start_session, person.id, STUDENT_SECONDS)
        set_session(response, request, await to_thread.run_sync(start), STUDENT_SECONDS)

    async def _form(
        self, onwards: str, status: int = 200, wrong: str = "", form: dict[str, str] | None = None
    ) -> Response:
        classroom = await to_thread.run_sync(self._directory.classroom)
        form = form or {}
        return page(
            "join",
            _TITLE,
            status,
            wrong,
            next=onwards,
            is_open=classroom.is_open,
            code=form.get("code", "")[:12],
            name=form.get("name", "")[:100],
            word_was_wrong="word" in form,
        )

    async def _person(self, request: Request) -> Person | None:
        """Return who asks, in the word of the gate."""
        person_id = request.headers.get(HEADER)
        return await to_thread.run_sync(self._directory.person, person_id) if person_id else None
