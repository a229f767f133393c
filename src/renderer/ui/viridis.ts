export { VIRIDIS_GRADIENT, viridis } from '../../shared/charts/viridis.ts'
