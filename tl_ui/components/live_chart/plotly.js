// Loads the library once per page, for any number of charts.
function loadPlotly(url) {
  window.transferlabPlotly ??= new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: url, async: true })
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => {
      window.transferlabPlotly = null
      script.remove()
      reject(new TypeError("no connection"))
    }
    document.head.append(script)
  })
  return window.transferlabPlotly
}
