// An image beside its heat-maps. Until a heat-map has been fetched, its frame shows the waiting time.

const instances = new WeakMap()

export default function ({ parentElement, data }) {
  let view = instances.get(parentElement)
  if (!view) instances.set(parentElement, (view = new HeatView(parentElement.querySelector(".side-by-side"))))
  view.update(data)
  return () => {
    view.close()
    instances.delete(parentElement)
  }
}

class HeatView {
  constructor(root) {
    this.root = root
    this.heats = []
  }

  update({ photo, alt, ratio, heats, scale }) {
    this.root.style.setProperty("--ratio", ratio)
    const image = this.root.querySelector("[data-el=photo]")
    if (image.getAttribute("src") !== photo) image.src = photo
    image.alt = alt
    while (this.heats.length > heats.length) this.heats.pop().close()
    while (this.heats.length < heats.length) this.heats.push(new Heat(this.root))
    heats.forEach(({ url, caption }, i) => this.heats[i].update(url, caption, scale))
  }

  close() {
    this.heats.forEach((heat) => heat.close())
  }
}

class Heat {
  constructor(root) {
    this.figure = root.querySelector("template").content.firstElementChild.cloneNode(true)
    this.frame = this.figure.querySelector(".frame")
    this.image = this.figure.querySelector("img")
    this.note = this.figure.querySelector("p")
    this.caption = this.figure.querySelector("[data-el=caption]")
    root.append(this.figure)
  }

  async update(url, caption, scale) {
    this.figure.querySelector("[data-el=scale]").innerHTML = scale
    if (url === this.url) return
    this.url = url
    this.abort?.abort()
    const { signal } = (this.abort = new AbortController())
    this.caption.textContent = caption
    this.wait()
    try {
      const reply = await fetch(url, { signal })
      if (!reply.ok) {
        const { error } = await reply.json().catch(() => ({}))
        throw new Refused(error ?? "The heat-map could not be made.")
      }
      const picture = await reply.blob()
      if (signal.aborted) return
      this.show(picture, `${caption}: ${reply.headers.get("X-Where")}`)
    } catch (error) {
      if (signal.aborted) return
      this.image.hidden = true
      const isRefused = error instanceof Refused
      this.end("failed", isRefused ? error.message : "No connection to the server. Open the image again.")
    }
  }

  show(picture, words) {
    this.release()
    this.image.src = URL.createObjectURL(picture)
    this.image.alt = `Heat-map. ${words}`
    this.image.hidden = false
    this.caption.textContent = words
    this.end("done", "")
  }

  // Many heat-maps arrive within half a second, so nothing is shown before that.
  wait() {
    const begin = performance.now()
    clearInterval(this.timer)
    this.frame.dataset.state = "waiting"
    this.timer = setInterval(() => {
      this.say(`Asking the model where it looks: ${Math.floor((performance.now() - begin) / 1000)} s`)
    }, 500)
  }

  end(state, sentence) {
    clearInterval(this.timer)
    this.frame.dataset.state = state
    this.say(sentence)
  }

  say(sentence) {
    const words = Object.assign(document.createElement("span"), { textContent: sentence })
    this.note.replaceChildren(...(sentence ? [words] : []))
  }

  release() {
    if (this.image.src) URL.revokeObjectURL(this.image.src)
  }

  close() {
    this.abort?.abort()
    clearInterval(this.timer)
    this.release()
    this.figure.remove()
  }
}

class Refused extends Error {}
