/**
 * Line charts, drawn by uPlot, as an element: <weir-chart>. Colours come from the style sheet, light
 * or dark, and every line has a letter at its end, so that nobody depends on colours.
 *
 * The time axis begins where there is something to see: at the first value of a line that is not
 * dashed, or at the start of the chosen range, whichever is later.
 */

import uPlot from '/uplot.js'
import { clock, plain } from './format.js'

const FONT = 'Inter, system-ui, sans-serif'
const SPAN_LEAST_S = 4
const dark = matchMedia('(prefers-color-scheme: dark)')
const colour = (name, alpha = '') => {
  const value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
  return `${value}${alpha}`
}

/**
 * @typedef {{ name: string, colour: string, dash?: boolean, letter?: string, step?: boolean, hidden?: boolean }} Line
 * @typedef {{ height: number, bare?: boolean, format: (value: number) => string, range?: [number, number], lines: Line[],
 *   bands?: [number, number, string][] }} Look  A band lies between two lines, by index.
 * @typedef {{ times: number[], columns: (number | null)[][], marks: { t: number, text: string }[], words: string,
 *   rangeS: number }} Drawing  `words` describe it for people who cannot see it.
 */
class WeirChart extends HTMLElement {
  #plot = null
  #look = null
  #data = null
  #marks = []
  #rangeS = 600
  #sizes = new ResizeObserver(() => this.#resize())
  #redraw = () => this.#build()

  connectedCallback() {
    this.setAttribute('role', 'img')
    this.#sizes.observe(this)
    dark.addEventListener('change', this.#redraw)
    this.#build()
  }

  disconnectedCallback() {
    this.#sizes.disconnect()
    dark.removeEventListener('change', this.#redraw)
    this.#plot?.destroy()
    this.#plot = null
  }

  /** @param {Look} look  Set before `drawing`; the same object means the same chart. */
  set look(look) {
    if (look === this.#look) return
    this.#look = look
    this.#data = null
    this.#plot?.destroy()
    this.#plot = null
  }

  /** @param {Drawing} drawing */
  set drawing({ times, columns, marks, words, rangeS }) {
    const solid = columns.filter((_, index) => !this.#look.lines[index].dash)
    const first = times.findIndex((_, index) => solid.some(column => column[index] !== null))
    const from = first < 0 ? times.length : first
    this.#data = [times.slice(from), ...columns.map(column => column.slice(from))]
    this.#marks = marks
    this.#rangeS = rangeS
    const isEmpty = this.#data[0].length < 2
    this.classList.toggle('waiting', isEmpty)
    this.setAttribute('aria-label', isEmpty ? `${words} Nothing to draw yet.` : words)
    if (this.#plot) this.#plot.setData(this.#data)
    else this.#build()
  }

  #resize() {
    const width = this.clientWidth
    if (this.#plot && width > 0) this.#plot.setSize({ width, height: this.#look.height })
    else this.#build()
  }

  #build() {
    this.#plot?.destroy()
    this.#plot = null
    const width = this.clientWidth
    if (width > 0 && this.#look && this.#data) this.#plot = new uPlot(this.#options(width), this.#data, this)
  }

  #options(width) {
    const { height, bare = false, lines, bands = [], range, format } = this.#look
    return {
      width,
      height,
      legend: { show: false },
      padding: bare ? [4, 2, 3, 2] : [12, 26, 0, 0],
      cursor: bare ? { show: false } : { points: { size: 5 }, drag: { x: false, y: false }, y: false },
      scales: {
        x: { range: (_plot, least, most) => this.#span(least, most) },
        y: { range: range ?? ((_plot, _least, most) => [0, most > 0 ? most * 1.15 : 1]) },
      },
      axes: bare ? [{ show: false }, { show: false }] : axes(format, range),
      bands: bands.map(([high, low, name]) => ({ series: [high + 1, low + 1], fill: colour(name, '26') })),
      series: [{}, ...lines.map(line => this.#series(line, bare))],
      hooks: bare
        ? {}
        : { drawAxes: [plot => this.#drawMarks(plot)], draw: [plot => this.#drawLetters(plot)] },
    }
  }

  #span(least, most) {
    const end = most ?? 1
    const begin = Math.max(least ?? 0, end - this.#rangeS)
    return [Math.min(begin, end - SPAN_LEAST_S), end]
  }

  #series({ name, colour: token, dash = false, step = false, hidden = false }, bare) {
    const fill = bare ? { fill: colour(token, '1f') } : {}
    return {
      label: name,
      points: { show: false },
      spanGaps: false,
      ...fill,
      stroke: hidden ? 'transparent' : colour(token),
      width: hidden ? 0 : dash ? 1.25 : 1.75,
      ...(dash ? { dash: [5, 4] } : {}),
      ...(step ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
    }
  }

  #drawMarks(plot) {
    const { ctx, bbox } = plot
    const scale = devicePixelRatio
    ctx.save()
    ctx.strokeStyle = ctx.fillStyle = colour('muted')
    ctx.font = `${11 * scale}px ${FONT}`
    ctx.textAlign = 'right'
    ctx.setLineDash([1 * scale, 3 * scale])
    for (const { t, text } of this.#marks) {
      const x = plot.valToPos(t, 'x', true)
      if (x < bbox.left || x > bbox.left + bbox.width) continue
      ctx.beginPath()
      ctx.moveTo(x, bbox.top)
      ctx.lineTo(x, bbox.top + bbox.height)
      ctx.stroke()
      const leftRoom = x - bbox.left > 50 * scale
      ctx.textAlign = leftRoom ? 'right' : 'left'
      ctx.fillText(text, x + (leftRoom ? -4 : 4) * scale, bbox.top + 10 * scale)
    }
    ctx.restore()
  }

  #drawLetters(plot) {
    const { ctx, bbox } = plot
    const scale = devicePixelRatio
    ctx.save()
    ctx.font = `600 ${12 * scale}px ${FONT}`
    ctx.textBaseline = 'middle'
    ctx.textAlign = 'left'
    const ends = this.#look.lines
      .map((line, index) => ({ ...line, value: this.#data[index + 1].at(-1) }))
      .filter(({ letter, value }) => letter !== undefined && value !== null && value !== undefined)
      .map(line => ({ ...line, y: plot.valToPos(line.value, 'y', true) }))
      .sort((a, b) => a.y - b.y)
    const places = apart(
      ends.map(({ y }) => y),
      13 * scale,
      bbox.top + bbox.height,
    )
    for (const [index, { letter, colour: token }] of ends.entries()) {
      ctx.fillStyle = colour(token)
      ctx.fillText(letter, bbox.left + bbox.width + 6 * scale, places[index])
    }
    ctx.restore()
  }
}

/** Places in rising order, so far apart that letters never overlap, and none below the bottom. */
function apart(places, gap, bottom) {
  const moved = []
  for (const place of places) moved.push(Math.max(place, (moved.at(-1) ?? Number.NEGATIVE_INFINITY) + gap))
  let most = bottom
  for (let index = moved.length - 1; index >= 0; index--) {
    moved[index] = Math.min(moved[index], most)
    most = moved[index] - gap
  }
  return moved
}

function axes(format, range) {
  const common = {
    stroke: () => colour('muted'),
    font: `11px ${FONT}`,
    grid: { stroke: () => colour('line'), width: 1 },
    ticks: { show: false },
  }
  const time = (_plot, values) => values.map(value => clock(new Date(value * 1000)).replace(/:00$/, ''))
  return [
    { ...common, values: time, space: 70, size: 28, grid: { show: false } },
    {
      ...common,
      values: (_plot, values) => values.map(plain(format)),
      size: 52,
      space: 34,
      ...(range ? { splits: () => [0, 0.25, 0.5, 0.75, 1] } : {}),
    },
  ]
}

customElements.define('weir-chart', WeirChart)
