// What the tests of the dashboard ask a page: models by their names, and what is drawn of them.
// Everything says null (or false) as long as the page has not come so far.
window.page = (() => {
  const sockets = []
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given)
      sockets.push(this)
    }
  }
  // Only what the page still holds: Bokeh knows models for some time after they were taken out.
  const models = () => (window.Bokeh?.documents?.[0]?.roots() ?? []).flatMap((root) => [...root.references()])
  const model = (name) => models().find((each) => each.name == name) ?? null
  const plot = (name) => model(`plot ${name}`)
  const drawn = (name, glyph) => plot(name)?.renderers.find((each) => each.glyph?.type == glyph)?.data_source.data
  const view = (views, wanted) => {
    for (const each of views) {
      const found = each.model == wanted ? each : view(each.child_views ?? [], wanted)
      if (found != null) return found
    }
    return null
  }
  const frame = (name) => {
    const found = plot(name) == null ? null : view(Bokeh.index.roots, plot(name))
    return found?.frame == null ? null : found
  }
  const text = (element) => {
    const parts = [...element.children].filter((each) => !["STYLE", "SCRIPT"].includes(each.tagName))
    return parts.map((each) => text(each.shadowRoot ?? each)).join(" ").trim() || (element.innerText ?? "")
  }
  const counted = new Map()
  const image = (name) => drawn(name, "Image")?.image[0] ?? null
  return {
    has: (name) => model(name) != null,
    value: (name) => model(name)?.value ?? null,
    // What there is to know of a page that does not do what it should.
    state: async () => {
      const {sent, arrived, visible} = model("browser") ?? {}
      const drawn = new Promise((resolve) => requestAnimationFrame(() => resolve(true)))
      const waited = new Promise((resolve) => setTimeout(() => resolve(false), 1000))
      const isDrawn = await Promise.race([drawn, waited])
      const connections = sockets.map((each) => each.readyState)
      return {sent, arrived, visible, isDrawn, connections, hidden: document.hidden, text: text(document.body)}
    },
    // How many updates the server has sent.
    updates: () => model("browser")?.sent ?? 0,
    // How many histograms can be seen.
    visible: () => JSON.parse(model("browser")?.visible ?? "[]").length,
    // How many pictures of each histogram have come since this was asked first, by its id.
    pictures: () => {
      for (const plot of models().filter((each) => each.name?.startsWith("plot ") && !counted.has(each))) {
        counted.set(plot, 0)
        const {data} = plot.renderers[0].data_source.properties
        let last = data.get_value()
        data.change.connect(() => {
          // Bokeh may tell of one change twice.
          if (data.get_value() != last) counted.set(plot, counted.get(plot) + 1)
          last = data.get_value()
        })
      }
      return Object.fromEntries([...counted].map(([plot, number]) => [plot.name.slice("plot ".length), number]))
    },
    range: (name) => plot(name) == null ? null : [plot(name).x_range.start, plot(name).x_range.end],
    image: (name) => image(name) == null ? null : {shape: image(name).shape, values: [...image(name)]},
    total: (name) => image(name)?.reduce((sum, each) => sum + each, 0) ?? null,
    column: ([name, column]) => [...(drawn(name, "Quad")?.[column] ?? [])],
    // The steps of a spectrum are drawn by their own, then those of what it is compared with.
    reference: (name) => {
      const steps = plot(name)?.renderers.filter((each) => each.glyph?.type == "Step") ?? []
      return [...(steps[1]?.data_source.data.y ?? [])]
    },
    regions: (name) => [...(drawn(name, "Rect")?.name ?? [])],
    // Whether the focus is in the cell of a histogram.
    isFocused: (name) => {
      const cell = view(Bokeh.index.roots, model(`cell ${name}`))
      let focused = document.activeElement
      while (focused?.shadowRoot?.activeElement != null) focused = focused.shadowRoot.activeElement
      for (let each = focused; each != null; each = each.parentNode ?? each.host) if (each == cell?.el) return true
      return false
    },
    // Whether a picture has found its place: those of a detector when their pixels are squares.
    isFitted: (name) => {
      const found = frame(name)?.frame
      if (found == null) return false
      const [wide, high] = [found.x_scale, found.y_scale].map((scale) => Math.abs(scale.compute(1) - scale.compute(0)))
      return drawn(name, "Image") == null || Math.abs(wide / high - 1) < 0.01
    },
    // Show this part of a picture.
    zoom: ([name, x0, x1, y0, y1]) => {
      plot(name)?.x_range.setv({start: x0, end: x1})
      plot(name)?.y_range.setv({start: y0, end: y1})
      return plot(name) != null
    },
    // Where on the screen a point of a picture is, in the coordinates of its axes.
    place: ([name, x, y]) => {
      const found = frame(name)
      if (found == null) return null
      found.el.scrollIntoView({block: "center"})
      const box = found.el.getBoundingClientRect()
      return [box.left + found.frame.x_scale.compute(x), box.top + found.frame.y_scale.compute(y)]
    },
    // What a network does that fails for a moment.
    disconnect: () => sockets.forEach((each) => each.close()),
    chooseRegion: (name) => {
      const tool = plot(name)?.toolbar.tools.find((each) => each.type == "BoxSelectTool")
      if (tool != null) tool.active = true
      return tool != null
    },
  }
})()
