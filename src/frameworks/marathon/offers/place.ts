import type { Attribute, Offer } from '../../../mesos/index.ts';
import { fromMillis, rangesText, toMillis } from '../../../mesos/index.ts';
import type { Place } from './constraints.ts';

/** The place an offer stands for. Attributes become text: scalars with up to three decimals, ranges as in the v0 API. */
export function placeOf(offer: Offer): Place {
  const zone = offer.domain?.fault_domain?.zone.name;
  const region = offer.domain?.fault_domain?.region.name;
  return {
    host: offer.hostname,
    attributes: Object.fromEntries((offer.attributes ?? []).map((a) => [a.name, attributeText(a)])),
    ...(region === undefined ? {} : { region }),
    ...(zone === undefined ? {} : { zone }),
  };
}

function attributeText(attribute: Attribute): string {
  switch (attribute.type) {
    case 'SCALAR':
      return String(fromMillis(toMillis(attribute.scalar?.value ?? 0)));
    case 'RANGES':
      return rangesText(attribute.ranges?.range ?? []);
    case 'SET':
      return `{${(attribute.set?.item ?? []).join(', ')}}`;
    case 'TEXT':
      return attribute.text?.value ?? '';
  }
}
