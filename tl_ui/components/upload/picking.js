// Turns a drop or the choice in a file dialog into a list of { name, file }, including subfolders.

// Files that operating systems create in folders.
const JUNK = /(^|\/)(\.DS_Store|Thumbs\.db|desktop\.ini|__MACOSX(\/.*)?|\._[^/]*)$/i

const fromInput = (input) =>
  withoutJunk([...input.files].map((file) => ({ name: file.webkitRelativePath || file.name, file })))

const withoutJunk = (entries) => entries.filter(({ name }) => !JUNK.test(name))

// The entries must be read while the drop event is handled; afterwards the browser empties it.
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

// A reader returns at most 100 entries at a time, and an empty list at the end.
async function readFolder(entry) {
  const reader = entry.createReader()
  const all = []
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))
    if (!some.length) return all
    all.push(...some)
  }
}

// Describes the files for the script.
function describe(entries) {
  const loose = entries.every(({ name }) => !name.includes("/"))
  const tops = new Set(entries.map(({ name }) => name.split("/")[0]))
  const zip = entries.length === 1 && loose && /\.zip$/i.test(entries[0].name)
  let folder_name = ""
  if (zip) folder_name = entries[0].name.slice(0, -4)
  else if (!loose && tops.size === 1) folder_name = [...tops][0]
  return { loose, zip, folder_name }
}
