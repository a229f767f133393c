// Made by scripts/gen-contract.ts; change the contract and run `npm run gen`.
/** Names the contract: host and sidecar speak only when theirs are the same. */
export const CONTRACT_HASH = '624d1eff1cc1bb10'
