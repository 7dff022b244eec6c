// A Plotly chart that is updated in place, so that zoom and hidden lines survive.

const instances = new WeakMap()

export default function (component) {
  const { parentElement, data } = component
  let chart = instances.get(parentElement)
  if (!chart) instances.set(parentElement, (chart = new LiveChart(parentElement)))
  chart.report = component.setTriggerValue
  chart.update(data)
  return () => {
    chart.close()
    instances.delete(parentElement)
  }
}

class LiveChart {
  constructor(root) {
    this.figure = root.querySelector("figure")
    this.title = root.querySelector("figcaption")
    this.plot = root.querySelector("[data-el=plot]")
    this.note = root.querySelector("[data-el=note]")
    this.version = ""
    this.onVisible = () => this.isSeen() && this.poll()
    document.addEventListener("visibilitychange", this.onVisible)
    this.save = root.querySelector("[data-el=save]")
    for (const button of this.save.querySelectorAll("button")) {
      button.addEventListener("click", () => this.download(button.dataset.format))
    }
    this.scrolling = new IntersectionObserver((entries) => {
      this.isInView = entries.at(-1).isIntersecting
      this.onVisible()
    }, { rootMargin: "200px" })
    this.scrolling.observe(this.figure)
    this.observer = new ResizeObserver(() => this.width !== this.plot.clientWidth && this.draw())
    this.observer.observe(this.plot)
  }

  // Called when the script's data or the theme changes.
  update(data) {
    const path = data.url?.split("?")[0]
    // Another chart in the same place begins anew; a new token for the same chart does not.
    if (path !== this.path) this.version = ""
    const isNews = path !== this.path || data.live !== this.data?.live
    this.path = path
    this.data = data
    this.plot.classList.toggle("tl-clickable", Boolean(data.clickable))
    if (!this.content) this.plot.style.minHeight = `${data.height}px`
    if (data.chart) this.content = data.chart
    else if (isNews || !this.content) this.poll()
    const { title, alt } = this.content ?? {}
    // Set together with its label: screen readers would announce an unnamed image.
    this.plot.setAttribute("role", "img")
    this.plot.setAttribute("aria-label", this.content ? `${title}. ${alt}` : data.alt)
    this.draw()
  }

  // Only visible charts poll, except for their first figure.
  isSeen() {
    return !document.hidden && (this.isInView || !this.content)
  }

  async poll() {
    if (!this.data?.url || this.isClosed || !this.isSeen()) return
    clearTimeout(this.timer)
    // Only the newest poll counts; late responses to older ones are dropped.
    const turn = (this.turn = {})
    const next = await this.fetch(turn)
    if (turn === this.turn && next) this.timer = setTimeout(() => this.poll(), next)
  }

  // Returns the milliseconds until the next poll, or nothing if none is needed.
  async fetch(turn) {
    let reply
    try {
      const url = new URL(this.data.url, location.href)
      url.searchParams.set("version", this.version)
      reply = await fetch(url)
      if (!reply.ok) throw new Error((await reply.json().catch(() => ({}))).error)
      if (reply.status === 200) {
        const content = await reply.json()
        if (turn !== this.turn) return
        this.version = content.version
        this.content = content
        await this.draw()
      }
      this.say("")
    } catch (error) {
      if (turn !== this.turn) return
      this.say(reply && error.message ? error.message : "No connection to the server; trying again.")
      // A chart that is forbidden or gone stays so until the page is reloaded.
      return reply && reply.status < 500 ? undefined : 5000
    }
    return (this.content?.live ?? this.data.live) ? 1000 : undefined
  }

  async draw() {
    if (!this.content || this.isClosed) return
    let Plotly
    try {
      Plotly = await loadPlotly(this.data.plotly)
    } catch {
      return this.say("The charts could not be loaded. Reload the page.")
    }
    if (this.isClosed || !this.plot.isConnected || !this.plot.clientWidth) return
    const { title, alt, figure, height } = this.content
    this.width = this.plot.clientWidth
    this.title.textContent = title
    this.plot.setAttribute("aria-label", `${title}. ${alt}`)
    const { data, layout } = withTheme(figure, this.plot, this.data.height ?? height)
    this.plot.style.minHeight = ""
    this.save.hidden = false
    if (this.data.marked) layout.shapes = [...(layout.shapes ?? []), ...this.outline(this.data.marked, layout)]
    const config = { displayModeBar: false, doubleClick: "reset+autosize", scrollZoom: false }
    await Plotly.react(this.plot, data, layout, config)
    if (!this.listens) this.plot.on("plotly_click", (event) => this.click(event.points[0]))
    this.listens = true
  }

  // Two lines in colours that no cell has, so that the outline stands out from dark and from pale ones.
  outline([x, y], layout) {
    const box = { type: "rect", x0: x - 0.5, x1: x + 0.5, y0: y - 0.5, y1: y + 0.5 }
    const lines = [
      { color: layout.font.color, width: 7 },
      { color: "#f59e0b", width: 4 },
    ]
    return lines.map((line) => ({ ...box, line, name: "chosen" }))
  }

  click(point) {
    if (!this.data.clickable || !point) return
    const { x, y, customdata } = point
    this.report("clicked", { x, y, customdata })
  }

  // Saved with the page's background, on which the theme's text colours are legible.
  download(format) {
    const { data, layout, clientWidth: width, clientHeight: height } = this.plot
    const background = { paper_bgcolor: layout.hoverlabel.bgcolor }
    const filename = this.title.textContent.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60) || "chart"
    const scale = format === "png" ? 2 : 1
    const figure = { data, layout: { ...layout, ...background } }
    window.Plotly.downloadImage(figure, { format, width, height, filename, scale })
  }

  say(sentence) {
    this.note.textContent = sentence
  }

  close() {
    this.isClosed = true
    clearTimeout(this.timer)
    document.removeEventListener("visibilitychange", this.onVisible)
    this.observer.disconnect()
    this.scrolling.disconnect()
    window.Plotly?.purge(this.plot)
  }
}
