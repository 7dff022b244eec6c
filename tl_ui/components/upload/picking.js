// From a drop or a file dialog to a list of { name, file }, with folders walked through.

// What systems leave behind in folders; nobody means to upload these.
const JUNK = /(^|\/)(\.DS_Store|Thumbs\.db|desktop\.ini|__MACOSX(\/.*)?|\._[^/]*)$/i

const fromInput = (input) =>
  withoutJunk([...input.files].map((file) => ({ name: file.webkitRelativePath || file.name, file })))

const withoutJunk = (entries) => entries.filter(({ name }) => !JUNK.test(name))

// The entries must be taken while the drop event is being handled; the browser empties it afterwards.
function fromDrop(transfer, onFound) {
  const roots = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry())
  return walk(roots.filter(Boolean), onFound)
}

async function walk(roots, onFound) {
  const found = []
  const waiting = [...roots]
  while (waiting.length) {
    const entry = waiting.shift()
    if (entry.isDirectory) {
      waiting.push(...(await readFolder(entry)))
    } else {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject))
      found.push({ name: entry.fullPath.replace(/^\//, ""), file })
      onFound?.(found.length)
    }
  }
  return withoutJunk(found)
}

// A reader gives at most 100 entries a time, and an empty list when there are no more.
async function readFolder(entry) {
  const reader = entry.createReader()
  const all = []
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))
    if (!some.length) return all
    all.push(...some)
  }
}

// What the script is told of them, beside their number.
function describe(entries) {
  const loose = entries.every(({ name }) => !name.includes("/"))
  const tops = new Set(entries.map(({ name }) => name.split("/")[0]))
  const zip = entries.length === 1 && loose && /\.zip$/i.test(entries[0].name)
  return { loose, zip, folder_name: !loose && tops.size === 1 ? [...tops][0] : zip ? entries[0].name.slice(0, -4) : "" }
}
