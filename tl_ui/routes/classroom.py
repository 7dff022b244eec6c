"""Route of the class: the zip of everyone's reports, for those who lead."""

from anyio import to_thread
from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from tl_core.errors import NotAllowed
from tl_ui.classroom.hand_in import FILE, SUBJECT, hand_in_folder
from tl_ui.routes.shared import GET_AND_HEAD, NotFound, ReaderState, SharedState

router = APIRouter()


@router.api_route("/api/hand-in", methods=GET_AND_HEAD)
async def hand_in(shared: SharedState, reader: ReaderState, token: str = "") -> Response:
    shared.tokens.demand("reports", token, SUBJECT, person_id=reader.person.id)
    # A token of somebody who leads no more is refused, too.
    if not reader.person.leads:
        raise NotAllowed("Only a teacher or a lead can have everyone's reports.")
    file = hand_in_folder(shared.house.settings.home) / FILE
    if not await to_thread.run_sync(file.is_file):
        raise NotFound("This file no longer exists. Pack the reports again.")
    return FileResponse(file, filename="reports.zip")
