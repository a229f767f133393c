/** The place of a project in the page, as the fragment of an address: shells open the page there. */
export function projectPlace(projectId: number, section: ProjectSection = 'overview'): string {
  return `#/projects/${projectId}${section === 'overview' ? '' : `/${section}`}`
}

/** The place of a result in the page. */
export function resultPlace(projectId: number, resultId: number): string {
  return `#/projects/${projectId}/results/${resultId}`
}

/** The pages of a project, in the order in which they stand in its navigation. */
export const PROJECT_SECTIONS = ['overview', 'checkpoint', 'sensitivity', 'sweep', 'chat', 'speed'] as const
export type ProjectSection = (typeof PROJECT_SECTIONS)[number]
