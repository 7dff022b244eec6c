import json

import streamlit as st
from tests_ui_workspace import workspace

from tl_core.charts import class_balance_chart
from tl_ui.components.assets import url_base
from tl_ui.components.heat_view import heat_view
from tl_ui.components.live_chart import chart, live_chart
from tl_ui.components.picker import picker
from tl_ui.components.point_map import point_map
from tl_ui.components.upload import upload_dropzone
from tl_ui.data.uploads import new_upload_id, uploads_for
from tl_ui.gallery import GalleryItem, gallery_html
from tl_ui.large_view import open_large
from tl_ui.markdown import literal
from tl_ui.point_maps import PointMap, by_class
from tl_ui.run.large_view import forget_address
from tl_ui.tokens import Tokens

tokens = Tokens(workspace().settings.home)
uploads = uploads_for(workspace().settings)
st.set_page_config(layout="wide")
part = st.query_params["part"]
st.button("Run again")
number = st.session_state["number"] = st.session_state.get("number", 0) + 1
st.text(f"drawn: {number}")

if part == "upload":
    token = st.session_state.setdefault("token", tokens.sign("upload", new_upload_id()))
    sent = upload_dropzone(key="upload", token=token, uploads=uploads)
    st.text(f"sent: {json.dumps(sent)}")
    if sent and st.button("Take"):
        with uploads.take(sent["upload_id"]) as upload:
            entries = upload.entries()
            st.session_state.taken = (
                f"{len(entries)} files, {sum(path.stat().st_size for _, path in entries)} bytes"
            )
        del st.session_state.token
        st.rerun()
    if sent and st.button("Put aside"):
        st.session_state.taken = "later"
        del st.session_state.token
        st.rerun()
    st.text(f"taken: {st.session_state.get('taken')}")
if part == "charts":
    run = workspace().store.get_run(st.query_params["run"])
    url = f"{url_base()}/api/runs/{run.id}/charts/loss?token={tokens.sign('run', run.id)}"
    live_chart(key="loss", url=url, height=320, alt="Loss by step", live=not run.state.is_finished)
    chart(class_balance_chart(["a", "b"], [3, 2]), key="balance")
if part == "map":
    groups = by_class([0, 1, 0], ["<b>left</b>", "right"])
    names = ["<img src=x onerror=alert(1)>", "second", "third"]
    drawn = PointMap(
        "one", "Three images", "Three.", [0, 1, 2], [number, 2 * number, number], groups, names
    )
    st.text(f"chosen: {point_map(drawn, key='map', height=400, glide=100)}")
if part == "crowd":
    n = 1200
    groups = by_class([i % 3 for i in range(n)], ["a", "b", "c"])
    places = [i % 40 for i in range(n)], [i // 40 for i in range(n)]
    drawn = PointMap("many", "Many images", "Many.", *places, groups, [str(i) for i in range(n)])
    st.text(f"{len(set(point_map(drawn, key='crowd', height=400)))} chosen")
if part == "pictures":
    items = [GalleryItem(f"/picture/{i}", "a", "b", 0.9, pick=i) for i in range(3)]
    picked = picker(gallery_html(items), key="pictures")
    st.session_state.picked = [
        *st.session_state.get("picked", []),
        *([] if picked is None else [picked]),
    ]
    st.text(f"picked: {st.session_state.picked}")
    heats = [(f"/heat/{name}", f"Where it sees {name}") for name in ("a", "<b>")]
    heat_view(key="heat", photo="/picture/0", heats=heats, size=(40, 30), alt="A picture")
if part == "large":
    items = [GalleryItem(f"/picture/{i}", "a", pick=i) for i in range(3)]
    picked = picker(gallery_html(items), key="pictures")
    if picked is not None:
        open_large(
            "One image",
            3,
            picked,
            lambda i: st.text_input("Name", f"image {i}"),
            on_close=forget_address,
        )
if part == "text":
    for text in json.loads(st.query_params["texts"]):
        st.write(literal(text))
