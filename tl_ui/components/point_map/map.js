// A scatter plot of images: shows the picture under the pointer, and reports lasso selections to the script.

const maps = new WeakMap()

export default function (component) {
  const { parentElement, data, setStateValue } = component
  let map = maps.get(parentElement)
  if (!map) maps.set(parentElement, (map = new PointMap(parentElement)))
  map.tell = (points) => setStateValue("chosen", { of: map.content.name, points })
  map.update(data)
  return () => {
    map.close()
    maps.delete(parentElement)
  }
}

const BUTTONS = ["zoom2d", "pan2d", "resetScale2d"]

class PointMap {
  constructor(root) {
    this.figure = root.querySelector("figure")
    this.title = root.querySelector("figcaption")
    this.plot = root.querySelector("[data-el=plot]")
    this.tip = root.querySelector("[data-el=tip]")
    this.note = root.querySelector("[data-el=note]")
    this.observer = new ResizeObserver(() => this.width !== this.plot.clientWidth && this.draw())
    this.observer.observe(this.plot)
  }

  update(data) {
    this.data = data
    this.content = data.map
    this.draw()
  }

  async draw() {
    let Plotly
    try {
      Plotly = await loadPlotly(this.data.plotly)
    } catch {
      this.note.textContent = "The map could not be loaded. Reload the page."
      return
    }
    if (this.isClosed || !this.plot.isConnected || !this.plot.clientWidth) return
    const { title, alt, name } = this.content
    const isMoved = this.drawn && this.drawn !== name && this.n === this.content.x.length
    this.width = this.plot.clientWidth
    this.title.textContent = title
    this.plot.setAttribute("aria-label", `${title}. ${alt}`)
    const { data, layout } = withTheme(this.makeFigure(), this.plot, this.data.height)
    layout.dragmode = this.data.lasso ? "lasso" : "zoom"
    // On narrow screens a drag scrolls the page.
    if (this.width < 560) layout.dragmode = false
    const activecolor = readTheme(this.plot)["@accent"]
    layout.modebar = { color: layout.font.color, activecolor, bgcolor: "rgba(0,0,0,0)" }
    if (isMoved && this.data.glide) layout.transition = { duration: this.data.glide, easing: "cubic-in-out" }
    await Plotly.react(this.plot, data, layout, {
      displayModeBar: true,
      displaylogo: false,
      modeBarButtons: [this.data.lasso ? ["lasso2d", ...BUTTONS] : BUTTONS],
      doubleClick: "reset+autosize",
      scrollZoom: false,
    })
    this.drawn = name
    this.n = this.content.x.length
    this.listen()
  }

  makeFigure() {
    const { x, y, groups, range } = this.content
    const size = x.length > 800 ? 6 : 8
    const traces = groups.map(({ name, colour, symbol, points }) => ({
      type: "scatter",
      mode: "markers",
      name,
      x: points.map((i) => x[i]),
      y: points.map((i) => y[i]),
      ids: points.map(String),
      customdata: points,
      marker: { color: colour, symbol, size, opacity: 0.85, line: { width: 0.5, color: "@text" } },
      unselected: { marker: { opacity: 0.15 } },
      hoverinfo: "none",
    }))
    const axis = { showticklabels: false, zeroline: false, showgrid: false, title: { text: "" } }
    const layout = {
      xaxis: { ...axis, ...(range && { range: range[0] }) },
      yaxis: { ...axis, ...(range && { range: range[1] }) },
      showlegend: groups.length > 1 && groups.length <= 20,
      // Below the plot, since Plotly's buttons are above it.
      legend: { y: -0.03, yanchor: "top" },
      hovermode: "closest",
      uirevision: "keep",
      selectionrevision: this.content.name,
    }
    return { data: traces, layout }
  }

  listen() {
    if (this.isListening) return
    this.isListening = true
    this.plot.on("plotly_hover", ({ points, event }) => this.show(points[0].customdata, event))
    this.plot.on("plotly_unhover", () => (this.tip.hidden = true))
    this.plot.on("plotly_click", ({ points }) => this.choose([points[0].customdata]))
    this.plot.on("plotly_selected", (selection) => {
      // Plotly reports nothing when a drag selects no area.
      if (selection) this.choose(selection.points.map((point) => point.customdata))
    })
    this.plot.on("plotly_deselect", () => this.choose([]))
  }

  choose(points) {
    if (!this.data.lasso) return
    this.tip.hidden = true
    this.tell(points)
  }

  show(i, event) {
    const { pictures, texts } = this.content
    const image = this.tip.querySelector("img")
    image.hidden = !pictures
    if (pictures) image.src = pictures.before + pictures.names[i] + pictures.after
    this.tip.querySelector("p").textContent = texts[i]
    this.tip.hidden = false
    const box = this.figure.getBoundingClientRect()
    const x = event.clientX - box.left
    const y = event.clientY - box.top
    const fitsOnTheRight = x + 16 + this.tip.offsetWidth <= box.width
    const left = fitsOnTheRight ? x + 16 : x - 16 - this.tip.offsetWidth
    this.tip.style.left = `${Math.max(0, left)}px`
    this.tip.style.top = `${Math.max(0, Math.min(y - 40, box.height - this.tip.offsetHeight))}px`
  }

  close() {
    this.isClosed = true
    this.observer.disconnect()
    window.Plotly?.purge(this.plot)
  }
}
