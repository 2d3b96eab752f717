// Tells the server what can be seen, and in which colours; and makes the pictures usable by keyboard.
(() => {
  const LOOK_MS = 300
  const CLEAR_MS = 10_000
  const AGAIN_MS = 1_000
  const DRAWN_MS = 1_000
  const SILENT_MS = 5_000
  const system = matchMedia("(prefers-color-scheme: dark)")
  const isDark = () => (localStorage.getItem("histsvc-theme") ?? (system.matches ? "dark" : "light")) == "dark"

  const paint = (browser) => {
    document.documentElement.dataset.theme = isDark() ? "dark" : "light"
    if (browser != null && browser.dark != isDark()) browser.dark = isDark()
  }
  paint(null)

  const named = function* (prefix, views) {
    for (const view of views) {
      if (view.model.name?.startsWith(prefix)) yield view
      yield* named(prefix, view.child_views ?? [])
    }
  }
  const cells = () => [...named("cell ", Bokeh.index.roots ?? [])]

  const isSeen = (view) => {
    const box = view.el.getBoundingClientRect()
    return !document.hidden && box.height > 0 && box.bottom > 0 && box.top < innerHeight
  }

  // Bokeh lays the whole page out anew, canvases included, whenever the text of one Div changes: 0.1 s each time.
  // What that moves is moved by the browser, and who has another size then hears of it all the same.
  Bokeh.Models.get("Div").prototype.default_view.prototype.rerender = function () {
    this.markup_el.innerHTML = this.model.text
  }

  // Whose server is gone or silent, though it tells something each second, shows what is old, and must say so.
  const veil = document.createElement("div")
  veil.className = "lost"
  veil.role = "alert"
  const said = veil.appendChild(document.createElement("span"))
  const warn = (text) => {
    if (said.textContent != text) said.textContent = text
    if (text == "") veil.remove()
    else if (!veil.isConnected) document.body.append(veil)
  }
  let heard = {sent: null, at: 0, time: ""}
  let lost = false
  const listen = (browser) => {
    const now = performance.now()
    if (browser.sent != heard.sent) heard = {sent: browser.sent, at: now, time: new Date().toLocaleTimeString()}
    else if (document.hidden) heard.at = now // it draws nothing, so nothing is sent
    // Where a window is behind others some browsers draw nothing either, and do not call it hidden.
    else if (now - heard.at > DRAWN_MS && browser.arrived != browser.sent) browser.arrived = browser.sent
    const old = `what you see is of ${heard.time}.`
    if (lost) warn(`No connection to the dashboard: ${old} This page is opened anew as soon as there is one.`)
    else warn(now - heard.at > SILENT_MS ? `The dashboard is silent: ${old}` : "")
  }
  // Bokeh would go on where it was, without the numbers of its pictures.
  const openAnew = () => fetch(location.href, {cache: "no-store"}).then(
    (answer) => answer.ok ? location.reload() : setTimeout(openAnew, AGAIN_MS),
    () => setTimeout(openAnew, AGAIN_MS),
  )

  let opened = false
  const look = () => {
    const browser = Bokeh.documents[0]?.get_model_by_name("browser")
    if (browser == null) return
    paint(browser)
    listen(browser)
    if (!opened) {
      browser.arrived = browser.sent // what the page was opened with
      browser.document.on_event("connection_lost", () => {
        lost = true
        openAnew()
      })
    }
    opened = true
    const seen = JSON.stringify(cells().filter(isSeen).map((view) => view.model.id).sort())
    if (seen != browser.visible) browser.visible = seen
  }
  setInterval(look, LOOK_MS)
  // Bokeh lets go of models that are no longer used when nothing has changed for half a minute: never, here.
  setInterval(() => Bokeh.documents[0]?.freeze_all_models(() => {}), CLEAR_MS)
  document.addEventListener("visibilitychange", look)
  system.addEventListener("change", look)

  // d: dark or light. Of the picture that the pointer or the focus is in: + and -, arrows, 0.
  const zoom = (range, factor, shift) => {
    const [middle, half] = [(range.start + range.end) / 2, (range.end - range.start) / 2]
    range.setv({start: middle - half * factor + 2 * half * shift, end: middle + half * factor + 2 * half * shift})
  }
  const figures = {"+": [0.8, 0, 0], "=": [0.8, 0, 0], "-": [1.25, 0, 0], ArrowLeft: [1, -0.1, 0],
                   ArrowRight: [1, 0.1, 0], ArrowUp: [1, 0, 0.1], ArrowDown: [1, 0, -0.1]}
  document.addEventListener("keydown", (event) => {
    const target = event.composedPath()[0]
    if (event.ctrlKey || event.altKey || event.metaKey || /^(input|select|textarea)$/i.test(target.tagName)) return
    if (event.key == "d") {
      localStorage.setItem("histsvc-theme", isDark() ? "light" : "dark")
      look()
    }
    const cell = cells().find((view) => event.composedPath().includes(view.el))
    const plot = [...named("plot ", cell == null ? [] : [cell])][0]?.model
    if (plot == null) return
    if (event.key == "0") {
      for (const range of [plot.x_range, plot.y_range]) range.setv({start: range.reset_start, end: range.reset_end})
    } else if (event.key in figures) {
      const [factor, x, y] = figures[event.key]
      zoom(plot.x_range, factor, x)
      zoom(plot.y_range, factor, y)
      event.preventDefault()
    }
  })
})()
