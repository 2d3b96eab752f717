// A number in three digits and its scale, as 12.3k or 4.56M.
for (const [scale, letter] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
  if (Math.abs(tick) >= 0.9995 * scale) return `${+(tick / scale).toPrecision(3)}${letter}`
}
return `${+tick.toPrecision(3)}`
