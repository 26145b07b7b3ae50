import type { Placement } from './parents';

/** Why a span stands where trace context did not put it, in a few words and in full. */
export function placementWords(placement: NonNullable<Placement>): { short: string; long: string } {
  switch (placement) {
    case 'rejoined':
      return {
        short: 'new trace, rejoined',
        long: 'No trace context led here: this span began a trace of its own. It shares the interaction id, and stands below the call or stage that was running when it began. That place is a guess by time.',
      };
    case 'orphan':
      return {
        short: 'parent missing',
        long: 'The span names a parent that has not arrived: it may be late, sampled out, or sent elsewhere. Where a stage was running, the span stands below it, by time.',
      };
    case 'cycle':
      return {
        short: 'parents in a circle',
        long: 'Following the parents of this span leads back to itself, which no correct sender produces. The circle was cut here.',
      };
  }
}
