// Made by scripts/gen-contract.ts; change the contract and run `npm run gen`.
/** Names the contract: host and sidecar speak only when theirs are the same. */
export const CONTRACT_HASH = 'f3e9511e8223e2ab'
