// Sends files in batches, several at a time, and can resume with the missing ones.

const BATCH_BYTES = 4 * 1024 * 1024
const BATCH_FILES = 200
const AT_ONCE = 3
// Together the tries take most of a minute, in which a restarted server is back, without pressing Retry.
const TRIES = 12
const LONGEST_PAUSE = 6000
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// A refusal, in the server's words; sending the same again would not help.
class Refused extends Error {}

// Entries are { name, file }. A file larger than a batch gets a batch of its own.
function makeBatches(entries) {
  const batches = []
  let batch = null
  for (const { name, file } of entries) {
    if (!batch || batch.bytes + file.size > BATCH_BYTES || batch.files.length >= BATCH_FILES) {
      batches.push((batch = { files: [], bytes: 0, sent: 0, done: false }))
    }
    batch.files.push({ name, file })
    batch.bytes += file.size
  }
  return batches
}

function makeBody(batch) {
  const list = JSON.stringify(batch.files.map(({ name, file }) => ({ name, size: file.size })))
  const header = new TextEncoder().encode(list)
  const length = new DataView(new ArrayBuffer(4))
  length.setUint32(0, header.length)
  return new Blob([length.buffer, header, ...batch.files.map(({ file }) => file)])
}

// XMLHttpRequest, since fetch does not report how much of a body has been sent.
function post(method, url, body, { signal, onProgress, timeout }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open(method, url)
    request.timeout = timeout ?? 0
    request.upload.onprogress = (event) => onProgress?.(event.loaded)
    request.onload = () => resolve({ status: request.status, answer: parse(request.responseText) })
    request.onerror = request.ontimeout = () => reject(new TypeError("no connection"))
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"))
    const stop = () => request.abort()
    signal.addEventListener("abort", stop)
    request.onloadend = () => signal.removeEventListener("abort", stop)
    request.send(body)
  })
}

// `sent` also counts the header of the body.
const bytesSent = (batch) => (batch.done ? batch.bytes : Math.min(batch.sent, batch.bytes))

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

class Sender {
  constructor(entries, url, onProgress) {
    this.url = url
    this.onProgress = onProgress
    this.batches = makeBatches(entries)
    this.files = entries.length
    this.bytes = entries.reduce((sum, { file }) => sum + file.size, 0)
    this.abort = new AbortController()
    this.isNew = true
    this.isWaiting = false
  }

  get progress() {
    const done = this.batches.filter((batch) => batch.done)
    return {
      files: done.reduce((sum, batch) => sum + batch.files.length, 0),
      bytes: this.batches.reduce((sum, batch) => sum + bytesSent(batch), 0),
    }
  }

  // Returns the server's answer after all files have arrived. May be called again after a failure.
  async run() {
    if (this.isNew) await this.ask("DELETE", this.url)
    this.isNew = false
    for (let round = 0; round < 3; round++) {
      await this.sendMissing()
      const numbers = { batches: this.batches.length, files: this.files, bytes: this.bytes }
      const { status, answer } = await this.ask("POST", `${this.url}/finish`, JSON.stringify(numbers))
      if (status === 200) return answer
      if (!answer.missing) throw new Refused(answer.error ?? "The server did not take the upload. Try again.")
      for (const n of answer.missing) Object.assign(this.batches[n], { done: false, sent: 0 })
    }
    throw new TypeError("some batches keep getting lost")
  }

  async sendMissing() {
    const waiting = [...this.batches.keys()].filter((n) => !this.batches[n].done)
    let failure = null
    const work = async () => {
      try {
        while (waiting.length && !failure) await this.sendBatch(waiting.shift())
      } catch (error) {
        failure ??= error
      }
    }
    // Waits for all workers, so that a retry never runs beside requests of the previous try.
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    if (failure) throw failure
  }

  async sendBatch(n) {
    const batch = this.batches[n]
    const onProgress = (loaded) => {
      batch.sent = loaded
      this.onProgress()
    }
    const url = `${this.url}/batch/${n}`
    const { status, answer } = await this.ask("POST", url, makeBody(batch), { onProgress })
    if (status !== 200) throw new Refused(answer.error ?? "The server did not take the files. Try again.")
    batch.done = true
    this.onProgress()
  }

  // Tries again after a pause if the connection or the server fails; a refusal is final.
  async ask(method, url, body, options) {
    for (let attempt = 1; ; attempt++) {
      try {
        const reply = await post(method, url, body, { ...options, signal: this.abort.signal })
        this.isWaiting = false
        // 507 is a full disk, which another try would not change; 408 is a line that stalled, 429 came too soon.
        const isRefusal = reply.status < 500 && reply.status !== 408 && reply.status !== 429
        if (isRefusal || reply.status === 507 || attempt === TRIES) return reply
      } catch (error) {
        if (this.abort.signal.aborted || attempt === TRIES) throw error
      }
      this.isWaiting = true
      this.onProgress()
      await pause(Math.min(400 * 2 ** attempt, LONGEST_PAUSE))
    }
  }

  // Also tells the server to delete what has arrived.
  cancel() {
    this.abort.abort()
    fetch(this.url, { method: "DELETE", keepalive: true }).catch(() => {})
  }
}
