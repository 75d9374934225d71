/** The part of longest-prefix-match (npm) that the bench uses; the package has no types of its own. */
declare module 'longest-prefix-match' {
  export default class LongestPrefixMatch<Data> {
    addPrefix(cidr: string, data: Data): void
    /** The data of the longest prefix around an address, which is written as a CIDR; empty where there is none. */
    getMatch(cidr: string): Data[]
  }
}
