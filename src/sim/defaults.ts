/** Of the replicas of a world. */
export const defaultReplicas = 3;
/** How many operations the clients of a world begin. */
export const defaultOperations = 208;
