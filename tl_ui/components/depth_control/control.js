// A drawing of a network whose boundary between frozen and trained stages can be moved: by dragging the grip, by a
// click on a stage, and by keys. What the reader does is drawn at once, and told to the script when it is done.

const controls = new WeakMap()
const KEY_PAUSE = 250

export default function ({ parentElement, data, setStateValue }) {
  let control = controls.get(parentElement)
  if (!control) controls.set(parentElement, (control = new DepthControl(parentElement.querySelector(".depth"))))
  control.tell = (moved) => setStateValue("moved", moved)
  control.update(data)
  return () => {
    control.send()
    controls.delete(parentElement)
  }
}

class DepthControl {
  constructor(root) {
    this.root = root
    this.drawing = root.querySelector("[data-el=drawing]")
    this.sentence = root.querySelector("[data-el=sentence]")
    root.onpointerdown = (event) => this.grab(event)
    root.onpointermove = (event) => this.drag(event)
    root.onpointerup = (event) => this.drop(event)
    root.onpointercancel = (event) => this.drop(event)
    root.onclick = (event) => this.click(event)
    root.onkeydown = (event) => this.press(event)
    // The page scrolls under a finger, but not under one that drags the grip. Of `touch-action`, browsers take no
    // notice inside SVG.
    const keepStill = (event) => event.target.closest(".grip") && !this.data.locked && event.preventDefault()
    root.addEventListener("touchstart", keepStill, { passive: false })
    // Whoever goes on with the keyboard or the mouse has chosen; nobody waits for the pause.
    root.addEventListener("focusout", () => this.send())
  }

  update(data) {
    // A fresh drawing has told nothing yet: what the script has taken is from before it.
    if (!this.data) this.told = data.taken
    if (this.data?.html !== data.html) this.drawing.innerHTML = data.html
    this.data = data
    const isWaiting = this.isDragging || this.timer || this.told !== data.taken
    if (!isWaiting || this.place > this.last) this.place = data.place
    this.root.classList.toggle("locked", data.locked)
    const isCrowded = this.drawing.querySelector("[data-crowded]") !== null
    this.root.querySelector(".steps").hidden = data.locked || !isCrowded
    for (const grip of this.grips) {
      grip.setAttribute("aria-label", data.label)
      grip.setAttribute("aria-valuemax", this.last)
      grip.setAttribute("aria-disabled", data.locked)
      grip.tabIndex = data.locked ? -1 : 0
    }
    this.paint()
  }

  get last() {
    return this.data.sentences.length - 1
  }

  get grips() {
    return this.drawing.querySelectorAll(".grip")
  }

  paint() {
    const { place, data } = this
    const [words, sentence] = data.sentences[place]
    this.root.style.setProperty("--place", place)
    this.root.classList.toggle("none", place === 0)
    for (const stage of this.drawing.querySelectorAll("[data-stage]")) {
      const i = Number(stage.dataset.stage)
      stage.dataset.state = i < place ? "frozen" : data.partly.includes(i) ? "partly" : "trains"
    }
    for (const grip of this.grips) {
      grip.setAttribute("aria-valuenow", place)
      grip.setAttribute("aria-valuetext", words)
    }
    this.sentence.textContent = sentence
  }

  move(place) {
    const moved = Math.max(0, Math.min(this.last, place))
    if (moved === this.place) return
    this.place = moved
    this.paint()
    this.isUntold = true
  }

  send() {
    clearTimeout(this.timer)
    this.timer = null
    if (!this.isUntold) return
    this.isUntold = false
    this.told = (this.told ?? 0) + 1
    this.tell({ place: this.place, at: this.told })
  }

  grab(event) {
    const grip = event.target.closest(".grip")
    if (!grip || this.data.locked || event.button) return
    event.preventDefault()
    grip.setPointerCapture(event.pointerId)
    grip.focus({ preventScroll: true })
    this.isDragging = true
    this.root.classList.add("dragging")
    // The grip keeps its distance from the pointer, so that it does not jump when it is taken.
    const { start, step, at } = this.locate(event)
    this.grabbed = at - (start + step * this.place)
  }

  drag(event) {
    if (!this.isDragging) return
    const { start, step, at } = this.locate(event)
    this.move(Math.round((at - this.grabbed - start) / step))
  }

  drop() {
    if (!this.isDragging) return
    this.isDragging = false
    this.root.classList.remove("dragging")
    this.send()
  }

  // Where the pointer is along the drawing, in the drawing's own units.
  locate(event) {
    const svg = event.target.closest("svg")
    const { start, step, axis } = svg.dataset
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse())
    return { start: Number(start), step: Number(step), at: point[axis] }
  }

  click(event) {
    if (this.data.locked) return
    const step = event.target.closest("[data-by]")
    const goal = event.target.closest("[data-freeze]")
    if (step) this.wait(() => this.move(this.place + Number(step.dataset.by)))
    if (!goal) return
    this.move(Number(goal.dataset.freeze))
    goal.closest("svg").querySelector(".grip").focus({ preventScroll: true })
    this.send()
  }

  press(event) {
    const grip = event.target.closest(".grip")
    if (!grip || this.data.locked || event.altKey || event.ctrlKey || event.metaKey) return
    const place = this.pressed(event.key, grip.closest("svg").dataset.axis)
    if (place === null) return
    event.preventDefault()
    this.wait(() => this.move(place))
  }

  pressed(key, axis) {
    const page = Math.max(2, Math.round(this.last / 10))
    // The grip goes the way that the arrow points: in the column, down is towards the head.
    const down = axis === "y" ? 1 : -1
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: down, ArrowUp: -down }
    const pages = { PageDown: down * page, PageUp: -down * page }
    if (key === "Home") return 0
    if (key === "End") return this.last
    const by = steps[key] ?? pages[key]
    return by === undefined ? null : this.place + by
  }

  // Several presses in a row are one change of the form.
  wait(change) {
    change()
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.send(), KEY_PAUSE)
  }
}
