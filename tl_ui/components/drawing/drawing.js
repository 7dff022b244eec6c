// Shows a drawing, and replaces it only if it has changed.

export default function ({ parentElement, data }) {
  const place = parentElement.querySelector(".drawing")
  if (place.drawn === data.svg) return
  place.drawn = data.svg
  place.innerHTML = data.svg
}
