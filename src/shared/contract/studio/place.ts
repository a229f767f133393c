/** The place of a project in the page, as the fragment of an address: shells open the page there. */
export function projectPlace(projectId: number): string {
  return `#/projects/${projectId}`
}
