/**
 * Routes of the Plan, each stored once, even if several rules use it.
 *
 * A place in a VirtualService mostly has one route; it has several if listeners read it
 * differently.
 */

import type { Route } from '../../table/plan/plan.ts'

/** How a route picks one of its destinations. */
export type How = Required<Pick<Route, 'split' | 'onDead'>>

type Destinations = Route['destinations']

/** Routes of one place up to which a search is quicker than a map. */
const SEARCHED_MAX = 8

/** The routes of one place. */
class Place {
  readonly routes: { readonly index: number; readonly route: Route; readonly text: string }[] = []
  /** Both once there are many. */
  #byKey: Map<string, number> | null = null
  #byText: Map<string, number> | null = null

  indexOf(destinations: Destinations, how: How): number | undefined {
    const { routes } = this
    if (routes.length <= SEARCHED_MAX)
      return routes.find(each => isSame(each.route, destinations, how))?.index
    this.#byKey ??= new Map(routes.map(({ index, route }) => [keyOf(route), index]))
    return this.#byKey.get(keyOf({ destinations, ...how }))
  }

  /** How many have this text. */
  count(text: string): number {
    const { routes } = this
    if (routes.length <= SEARCHED_MAX) return routes.filter(each => each.text === text).length
    if (this.#byText === null) {
      this.#byText = new Map()
      for (const each of routes) this.#byText.set(each.text, (this.#byText.get(each.text) ?? 0) + 1)
    }
    return this.#byText.get(text) ?? 0
  }

  add(index: number, route: Route, text: string): void {
    this.#byKey?.set(keyOf(route), index)
    this.#byText?.set(text, this.count(text) + 1)
    this.routes.push({ index, route, text })
  }
}

const isSame = (route: Route, destinations: Destinations, { split, onDead }: How): boolean =>
  route.split === split &&
  (route.onDead ?? 'fail') === onDead &&
  route.destinations.length === destinations.length &&
  route.destinations.every(
    ({ cluster, weight }, at) => cluster === destinations[at].cluster && weight === destinations[at].weight,
  )

const keyOf = ({ destinations, split, onDead = 'fail' }: Omit<Route, 'identity'>): string =>
  `${split} ${onDead} ${destinations.map(each => `${each.cluster}*${each.weight}`).join()}`

/**
 * Equal in every generation for equal meaning: the place, and what is drawn from. Routes that only
 * differ in the policies of their clusters are numbered.
 */
function textOf(origin: string, destinations: Destinations, nameOf: (cluster: number) => string): string {
  const parts = destinations.map(({ cluster, weight }) => `${nameOf(cluster)}=${weight}`)
  return [origin, ...parts].join(' ') // which is stored in one piece, and not as a tree of pieces
}

export class Routes {
  readonly list: Route[] = []
  /** By origin: the index of the only route there, or all of them. */
  readonly #places = new Map<string, number | Place>()

  /**
   * Index of the route with these destinations.
   *
   * @param origin  Its place: "shop/echo tcp[0]".
   * @param nameOf  Gives the name of a destination, by its cluster.
   */
  indexOf(origin: string, destinations: Destinations, how: How, nameOf: (cluster: number) => string): number {
    const known = this.#places.get(origin)
    if (typeof known === 'number' && isSame(this.list[known], destinations, how)) return known
    const text = textOf(origin, destinations, nameOf)
    if (known === undefined) {
      const index = this.#add(text, destinations, how)
      this.#places.set(origin, index)
      return index
    }
    const place = typeof known === 'number' ? this.#placeOf(origin, known) : known
    const there = place.indexOf(destinations, how)
    if (there !== undefined) return there
    const earlier = place.count(text)
    const index = this.#add(earlier === 0 ? text : `${text} #${earlier + 1}`, destinations, how)
    place.add(index, this.list[index], text)
    return index
  }

  /** Adds routes of another list whose places are not entered. */
  take(routes: readonly Route[]): void {
    for (const each of routes) this.list.push(each)
  }

  /** Enters the place of a route that was taken, once or several times. */
  enter(origin: string, index: number, nameOf: (cluster: number) => string): void {
    const known = this.#places.get(origin)
    if (known === undefined) this.#places.set(origin, index)
    if (known === undefined || known === index) return
    const place = typeof known === 'number' ? this.#placeOf(origin, known) : known
    const route = this.list[index]
    if (place.routes.every(each => each.index !== index))
      place.add(index, route, textOf(origin, route.destinations, nameOf))
  }

  #add(identity: string, destinations: Destinations, { split, onDead }: How): number {
    return this.list.push({ identity, destinations, split, ...(onDead === 'redistribute' && { onDead }) }) - 1
  }

  /** The place of a route that is not alone any more. */
  #placeOf(origin: string, index: number): Place {
    const place = new Place()
    place.add(index, this.list[index], this.list[index].identity)
    this.#places.set(origin, place)
    return place
  }
}
