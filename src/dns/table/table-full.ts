/** The table has no room for this: `dns.maxTableMiB` is too small for the cluster. */
export class TableFull extends Error {
  constructor() {
    super('the table of DNS answers is full');
  }
}
