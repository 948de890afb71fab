import type { components } from './schema.gen';

type Schemas = components['schemas'];

export type Cardinality = Schemas['Cardinality'];
export type ContainerRow = Schemas['ContainerRow'];
export type ContainerFacts = Schemas['ContainerFacts'];
export type ContainerState = Schemas['ContainerState'];
export type ContainerList = Schemas['ContainerList'];
export type ContainerEvent = Schemas['ContainerEvent'];
export type Fold = Schemas['Fold'];
export type LivePoint = Schemas['LivePoint'];
export type LiveTick = Schemas['LiveTick'];
export type LastMinutes = Schemas['LastMinutes'];
export type LogLine = Schemas['LogLine'];
export type LogDropped = Schemas['LogDropped'];
export type LogEnd = Schemas['LogEnd'];
export type Node = Schemas['Node'];
export type Obstacle = Schemas['Obstacle'];
export type Queue = Schemas['Queue'];
export type Severity = Schemas['Severity'];
export type Status = Schemas['Status'];
export type Verdict = Schemas['Verdict'];
export type WhyEmpty = Schemas['WhyEmpty'];
export type ErrorKind = Schemas['Error']['kind'];
