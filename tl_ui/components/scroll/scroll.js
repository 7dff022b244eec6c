// Scrolls the page to its top, once for each occasion.

const seen = new Set()

export default function ({ data }) {
  if (seen.has(data.occasion)) return
  seen.add(data.occasion)
  document.querySelector('[data-testid="stMain"]')?.scrollTo({ top: 0 })
}
