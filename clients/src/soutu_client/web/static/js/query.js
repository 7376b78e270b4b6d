// What is asked, and how it stands in the URL. The box's text is the truth about words: `雪地里的狗 -雨 -"两个 词"`.

const LISTS = {
  folder: "folders",
  source: "sources",
  camera: "cameras",
  format: "formats",
  kind: "kinds",
  tag: "tags",
  album: "albums",
};
// As the command line's, which says how it was chosen: more than this, and the opposite of what is named is searched for.
const NOT_WEIGHT = -0.5;
const WORD = /[-－](?:"([^"]+)"|(\S+))|(\S+)/gu;

/** A question that finds everything. */
export function emptyQuery() {
  return { words: "", photos: [], pictures: [], filter: {} };
}

/** Read the box: one term for what is looked for, one for each word that is not wanted. */
export function parseWords(words) {
  const wanted = [];
  const unwanted = [];
  for (const [, quoted, bare, plain] of words.matchAll(WORD)) {
    if (plain !== undefined) wanted.push(plain);
    else unwanted.push({ text: quoted ?? bare, isNot: true });
  }
  const text = wanted.join(" ").replace(/^"(.*)"$/u, "$1");
  return text ? [{ text, isNot: false }, ...unwanted] : unwanted;
}

/** Write terms as the box has them. */
export function formatWords(terms) {
  const quoted = (text) => (/\s/u.test(text) ? `"${text.replaceAll('"', "")}"` : text);
  return terms.map((term) => (term.isNot ? `-${quoted(term.text)}` : term.text)).join(" ");
}

/** The terms and the filter as the API takes them. */
export function searchBody(query) {
  const weight = (isNot) => (isNot ? NOT_WEIGHT : 1);
  return {
    terms: [
      ...parseWords(query.words).map((term) => ({ text: term.text.toWellFormed(), weight: weight(term.isNot) })),
      ...query.photos.map((term) => ({ photo_id: term.id, weight: weight(term.isNot) })),
      ...query.pictures.map((term) => ({ image: term.base64, weight: weight(term.isNot) })),
    ],
    filter: query.filter,
  };
}

/** Whether anything is looked for; else all photos are shown, newest first. */
export function hasTerms(query) {
  return parseWords(query.words).length + query.photos.length + query.pictures.length > 0;
}

/** Parameters of the API's summary for a filter. */
export function filterParameters(filter) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") parameters.append(name, one);
    }
  }
  return parameters;
}

/** Write a place in the page as a URL. Pictures are not in it. */
export function toUrl({ view, query, photo }) {
  const parameters = new URLSearchParams();
  if (view !== "photos") parameters.set("view", view);
  if (query.words) parameters.set("q", query.words);
  for (const term of query.photos) parameters.append(term.isNot ? "unlike" : "like", term.id);
  for (const [short, name] of Object.entries(LISTS)) {
    for (const value of query.filter[name] ?? []) parameters.append(short, value);
  }
  if (query.filter.taken_from) parameters.set("from", query.filter.taken_from);
  if (query.filter.taken_until) parameters.set("until", query.filter.taken_until);
  if (query.filter.favourite) parameters.set("favourite", "1");
  if (photo) parameters.set("photo", photo);
  const text = parameters.toString();
  return text ? `/?${text}` : "/";
}

/** Read a URL's parameters. */
export function fromUrl(search) {
  const parameters = new URLSearchParams(search);
  const filter = {};
  for (const [short, name] of Object.entries(LISTS)) {
    const values = parameters.getAll(short);
    if (values.length) filter[name] = values;
  }
  if (parameters.get("from")) filter.taken_from = parameters.get("from");
  if (parameters.get("until")) filter.taken_until = parameters.get("until");
  if (parameters.get("favourite")) filter.favourite = true;
  const photos = [
    ...parameters.getAll("like").map((id) => ({ id, isNot: false })),
    ...parameters.getAll("unlike").map((id) => ({ id, isNot: true })),
  ];
  const view = parameters.get("view");
  return {
    view: ["albums", "library", "duplicates"].includes(view) ? view : "photos",
    query: { words: parameters.get("q") ?? "", photos, pictures: [], filter },
    photo: parameters.get("photo"),
  };
}
