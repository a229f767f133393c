// Made by scripts/gen-contract.ts; change the contract and run `npm run gen`.
/** Names the contract: host and sidecar speak only when theirs are the same. */
export const CONTRACT_HASH = 'a691ec4087d52c11'
