// Shows pictures and reports the chosen one to the script.

export default function ({ parentElement, data, setTriggerValue }) {
  const place = parentElement.querySelector(".picker")
  if (place.drawn !== data.html) {
    place.drawn = data.html
    place.innerHTML = data.html
  }
  place.onclick = (event) => {
    const chosen = event.target.closest("button[data-pick]")
    if (chosen) setTriggerValue("picked", Number(chosen.dataset.pick))
  }
}
