// Sets a parameter of the browser's address without a new entry in its history.

export default function ({ data }) {
  const now = new URLSearchParams(location.search)
  // It may be drawn once more after the reader has gone to another page, or chosen another value.
  if (!location.pathname.endsWith(`/${data.page}`)) return
  if ((now.get(data.name) ?? "") !== data.before) return
  const wasEmpty = location.search === ""
  now.set(data.name, data.value)
  history.replaceState({}, "", `${location.pathname}?${now}`)
  // Streamlit reads the address itself only where it has not noted another one yet.
  if (!wasEmpty) window.dispatchEvent(new PopStateEvent("popstate"))
}
