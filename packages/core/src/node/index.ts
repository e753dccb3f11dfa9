/** What only Node has: connections of our own to providers, with limits and a guard. */
export {}
