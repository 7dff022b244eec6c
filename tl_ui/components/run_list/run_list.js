// Shows the rows, follows their links within the app, and reports the ticked ones.

export default function ({ parentElement, data, setStateValue }) {
  const place = parentElement.querySelector(".runs")
  const boxes = () => [...place.querySelectorAll("input[type=checkbox]")]
  if (place.drawn !== data.html) {
    const ticked = new Set(boxes().filter((box) => box.checked).map((box) => box.value))
    const focused = parentElement.activeElement?.value ?? document.activeElement?.value
    place.drawn = data.html
    place.innerHTML = data.html
    for (const box of boxes()) {
      box.checked = ticked.has(box.value)
      if (box.value === focused) box.focus()
    }
  }
  place.onchange = () => {
    setStateValue("ticked", boxes().filter((box) => box.checked).map((box) => box.value))
  }
  place.onclick = (event) => {
    const link = event.target.closest("a")
    // With a key held, the browser opens another tab or window.
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return
    event.preventDefault()
    // As after Back and Forward, Streamlit then draws the page of the new address.
    history.pushState({}, "", link.href)
    window.dispatchEvent(new PopStateEvent("popstate"))
  }
}
