/** Every broken rule under `root`, as "file:line: target: rule". */
export function checkLayers(root: string): string[]
