// The drop zone: user interface of an upload. One instance for each place where it is mounted.

const instances = new WeakMap()

export default function (component) {
  const { parentElement } = component
  let zone = instances.get(parentElement)
  if (!zone) instances.set(parentElement, (zone = new DropZone(parentElement)))
  zone.update(component)
  return () => {
    zone.close()
    instances.delete(parentElement)
  }
}

function megabytes(bytes) {
  if (bytes < 99.5e3) return `${Math.ceil(bytes / 1e3)} kB`
  return bytes < 999.95e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
}
const grouped = (n) => (n >= 10_000 ? n.toLocaleString("en").replaceAll(",", "\u202f") : n)
const count = (n, one) => `${grouped(n)} ${one}${n === 1 ? "" : "s"}`

function timeLeft(seconds) {
  if (!Number.isFinite(seconds)) return ""
  if (seconds < 10) return "a few seconds left"
  if (seconds < 55) return `about ${Math.round(seconds / 10) * 10} seconds left`
  const minutes = Math.max(1, Math.round(seconds / 60))
  return `about ${count(minutes, "minute")} left`
}

class DropZone {
  constructor(root) {
    this.el = (name) => root.querySelector(`[data-el=${name}]`)
    this.root = root
    this.sender = this.unheard = null
    this.warn = (event) => event.preventDefault()
    this.listen()
    this.show("idle")
  }

  // Called when the script's data or the theme changes; a running upload continues.
  update(component) {
    this.data = component.data
    this.report = component.setStateValue
    this.name(this.data.words)
    if (this.unheard?.upload_id === this.data.heard) this.unheard = null
    // A report is lost if the connection was down, as after a restart of the server, so it is repeated.
    if (this.unheard) this.report("sent", this.unheard)
    else if (this.finished && this.finished !== this.data.token) this.show("idle")
  }

  // Where it takes no dataset, the zone says what it takes, and no folder is asked for.
  name(words) {
    if (!words) return
    for (const [part, text] of [["title", words.title], ["hint", words.hint], ["files-button", words.choose]]) {
      this.el(part).textContent = text
    }
    this.el("area").setAttribute("aria-label", words.title)
    this.el("folder-button").hidden = true
    this.el("files-button").className = "primary"
    this.el("files-input").accept = words.accept
    this.el("files-input").multiple = this.data.limits.max_files > 1
    this.el("files-input").setAttribute("aria-label", words.choose)
  }

  listen() {
    const area = this.el("area")
    area.ondragover = (event) => {
      event.preventDefault()
      area.classList.toggle("over", !this.isSending)
    }
    area.ondragleave = () => area.classList.remove("over")
    area.ondrop = (event) => {
      event.preventDefault()
      area.classList.remove("over")
      if (this.isSending) return
      const onFound = (n) => this.say(`Reading the folder: ${count(n, "file")}`)
      this.take(fromDrop(event.dataTransfer, onFound))
    }
    for (const kind of ["folder", "files"]) {
      const input = this.el(`${kind}-input`)
      this.el(`${kind}-button`).onclick = () => input.click()
      input.onchange = () => {
        this.take(Promise.resolve(fromInput(input)))
        // Otherwise choosing the same files again would cause no event.
        input.value = ""
      }
    }
    this.el("cancel").onclick = () => this.cancel()
    this.el("retry").onclick = () => this.send()
    this.el("other").onclick = () => this.cancel()
  }

  get isSending() {
    return this.state === "sending"
  }

  async take(promise) {
    this.show("sending")
    this.paint({ files: 0, bytes: 0 }, true)
    this.say("Reading the folder")
    const turn = (this.turn = {})
    let entries
    try {
      entries = await promise
    } catch {
      return this.fail("The browser could not read these files. Check that they still exist, then choose them again.", false)
    }
    // The user has cancelled or chosen other files meanwhile.
    if (turn !== this.turn) return
    const objection = this.objection(entries)
    if (objection) return this.fail(objection, false)
    this.entries = entries
    // The script may pass a new token during the upload, which keeps its own.
    this.token = this.data.token
    this.sender = new Sender(entries, `${this.data.url_base}/api/uploads/${this.token}`, () => this.tick())
    this.send()
  }

  objection(entries) {
    const { max_files, max_bytes } = this.data.limits
    const bytes = entries.reduce((sum, { file }) => sum + file.size, 0)
    const what = this.data.words?.what ?? "a dataset"
    if (!entries.length) return `There are no files in it. ${this.data.words?.title ?? "Choose a folder with images, a zip or images"}.`
    if (entries.length > max_files) {
      const limit = `at most ${count(max_files, "file")}`
      return `These are ${count(entries.length, "file")}; ${what} may have ${limit}. Choose fewer.`
    }
    if (bytes > max_bytes) {
      const limit = `at most ${megabytes(max_bytes)}`
      return `These are ${megabytes(bytes)}; ${what} may have ${limit}. Choose fewer or smaller files.`
    }
  }

  async send() {
    const sender = this.sender
    this.show("sending")
    this.begin = { time: performance.now(), bytes: sender.progress.bytes }
    this.tick()
    addEventListener("beforeunload", this.warn)
    try {
      const answer = await sender.run()
      if (sender === this.sender) this.done(answer)
    } catch (error) {
      if (sender !== this.sender || sender.abort.signal.aborted) return
      if (error instanceof Refused) this.fail(error.message, false)
      else this.fail("The connection to the server was lost. Retry sends only the files that are missing.", true)
    } finally {
      if (!this.isSending) removeEventListener("beforeunload", this.warn)
    }
  }

  done(answer) {
    const { files, bytes } = this.sender
    const name = describe(this.entries)
    this.show("done")
    // The script passes a new token after importing the files; until then the zone shows this upload.
    this.finished = this.data.token
    this.say(`${count(files, "file")} (${megabytes(bytes)}) sent`)
    // Numbered, since a second upload of the same files is news, too.
    this.turns = (this.turns ?? 0) + 1
    this.unheard = { upload_id: answer.upload_id, files, bytes, turn: this.turns, ...name }
    this.report("sent", this.unheard)
    this.sender = this.entries = null
  }

  cancel() {
    this.sender?.cancel()
    this.sender = this.entries = this.turn = null
    removeEventListener("beforeunload", this.warn)
    this.show("idle")
    this.el(this.data.words ? "files-button" : "folder-button").focus()
  }

  fail(sentence, canRetry) {
    this.show("failed")
    this.el("error").textContent = sentence
    this.el("retry").hidden = !canRetry
    if (canRetry) this.el("retry").focus()
    else this.sender = this.entries = null
  }

  // At most one update per frame: progress events are so frequent that painting each would slow the upload.
  tick() {
    this.painting ??= requestAnimationFrame(() => {
      this.painting = null
      if (this.isSending && this.sender) this.paint(this.sender.progress)
    })
  }

  paint({ files, bytes }, isLooking = false) {
    const bar = this.el("bar")
    if (isLooking) {
      bar.max = 1
      bar.value = 0
      return
    }
    const total = this.sender
    bar.max = total.bytes || 1
    // Empty files alone fill the bar at once.
    bar.value = total.bytes ? bytes : 1
    const seconds = (performance.now() - this.begin.time) / 1000
    let left = ""
    if (total.isWaiting) left = "waiting for the server"
    else if (seconds > 2) left = timeLeft(((total.bytes - bytes) * seconds) / (bytes - this.begin.bytes))
    this.el("numbers").textContent = [
      `${count(files, "file").replace(/ files?$/, "")} of ${count(total.files, "file")}`,
      `${megabytes(bytes)} of ${megabytes(total.bytes)}`,
      left,
    ].filter(Boolean).join(" · ")
    const tenth = Math.floor((10 * bytes) / Math.max(1, total.bytes))
    if (tenth !== this.tenth) this.say(`Sending ${count(total.files, "file")}: ${tenth * 10} %`)
    this.tenth = tenth
  }

  // Screen readers read this aloud, so it changes rarely.
  say(sentence) {
    this.el("status").textContent = sentence
  }

  show(state) {
    this.state = state
    if (state !== "done") this.finished = null
    this.tenth = null
    this.el("area").dataset.state = state
    for (const part of ["idle", "sending", "failed"]) this.el(part).hidden = part !== state
    // Others may follow at once where nothing is made of these.
    if (state === "done" && this.data.words) this.el("idle").hidden = false
    this.el("status").hidden = state !== "sending" && state !== "done"
    this.el("numbers").textContent = ""
  }

  close() {
    removeEventListener("beforeunload", this.warn)
    this.sender?.cancel()
    this.sender = this.turn = null
  }
}
