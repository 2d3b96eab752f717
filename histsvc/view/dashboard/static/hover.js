// What the pointer is over, in an image of blocks of bins. `places` says of both axes where bins begin.
const p = places.data, [u, v] = [special_vars.x, special_vars.y]
const at = p.swaps[0] ? [v, u] : [u, v]
const bins = [0, 1].map((axis) => {
  const {low, width, begin, end, step} = {low: p.low[axis], width: p.width[axis], begin: p.begin[axis],
                                         end: p.end[axis], step: p.step[axis]}
  const first = begin + Math.floor((at[axis] - low) / (width * step)) * step
  return [Math.max(begin, Math.min(first, end - 1)), Math.min(first + step, end) - 1]
})
const number = (value) => value.toLocaleString("en", {maximumFractionDigits: 3})
const range = ([first, last]) => first == last ? `${first}` : `${first}\u2013${last}`
const place = (axis) => {
  const edge = (bin) => p.low[axis] + (bin - p.begin[axis]) * p.width[axis]
  return `${number(edge(bins[axis][0]))}\u2013${number(edge(bins[axis][1] + 1))}`
}
switch (format) {
  case "x": return place(0)
  case "y": return place(1)
  case "bin": return `${range(bins[0])}, ${range(bins[1])}`
  case "pixel": {
    const id = (end) => rows[bins[1][end]] + bins[0][end]
    return id(0) == id(1) ? `${id(0)}` : `${id(0)} \u2026 ${id(1)}`
  }
  default: {
    const many = (bins[0][1] - bins[0][0] + 1) * (bins[1][1] - bins[1][0] + 1)
    return many == 1 ? number(value) : `${number(value * many)} in ${many} bins, ${number(value)} each`
  }
}
