// Shows a drawing; it is only put in again when it has changed.

export default function ({ parentElement, data }) {
  const place = parentElement.querySelector(".drawing")
  if (place.drawn === data.svg) return
  place.drawn = data.svg
  place.innerHTML = data.svg
}
