// Made by scripts/gen-contract.ts; change the contract and run `npm run gen`.
/** Names the contract: host and sidecar speak only when theirs are the same. */
export const CONTRACT_HASH = '08a8b82f1920e16a'
