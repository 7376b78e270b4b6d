// Files as people give them: chosen, or dropped with whole folders.

const NOT_MEANT = /(^|\/)(\.[^/]*|Thumbs\.db|desktop\.ini)$/iu; // what systems leave in folders

/** Files with their names below the folder that was chosen. */
export function chosenFiles(list) {
  return [...list].map((file) => ({ file, name: file.webkitRelativePath || file.name })).filter(isMeant);
}

/** Files of a drop, folders opened. */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return chosenFiles(transfer.files);
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found.filter(isMeant);
}

function isMeant(one) {
  return !NOT_MEANT.test(one.name);
}

async function walk(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ file, name: entry.fullPath.replace(/^\//u, "") });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // at most 100 at a time
    if (!some.length) return;
    for (const one of some) await walk(one, found);
  }
}
