import { describe, expect, it } from 'vitest';
import {
  masterOrigin,
  masterPlaces,
  originOfMasterInfo,
  redirectOrigin,
  shownMaster,
} from './master-address.ts';

describe('masterOrigin', () => {
  it.each([
    ['10.0.0.1:5050', 'http://10.0.0.1:5050'],
    ['10.0.0.1', 'http://10.0.0.1:5050'],
    ['master', 'http://master:5050'],
    [' master.example.com:80 ', 'http://master.example.com'],
    ['[2001:db8::1]:6060', 'http://[2001:db8::1]:6060'],
    ['2001:db8::1', 'http://[2001:db8::1]:5050'],
    ['http://10.0.0.1', 'http://10.0.0.1'],
    ['https://10.0.0.1:5050/path', 'https://10.0.0.1:5050'],
    ['ftp://10.0.0.1', undefined],
    ['10.0.0.1:99999', undefined],
    ['10.0.0.1/x', undefined],
    ['http://', undefined],
    ['a:b:c', undefined],
    ['', undefined],
    ['a b', undefined],
  ])('%j is %j', (text, origin) => {
    expect(masterOrigin(text)).toBe(origin);
  });

  it('takes the scheme that is configured', () => {
    expect(masterOrigin('10.0.0.1', true)).toBe('https://10.0.0.1:5050');
    expect(masterOrigin('http://10.0.0.1', true)).toBe('http://10.0.0.1');
  });
});

describe('redirectOrigin', () => {
  it.each([
    ['//10.0.0.2:5050', 'https://10.0.0.2:5050'],
    ['//10.0.0.2:5051/api/v1/scheduler', 'https://10.0.0.2:5051'],
    ['http://10.0.0.2:5050/api/v1', 'http://10.0.0.2:5050'],
    ['javascript:1', undefined],
    ['file:///etc/passwd', undefined],
    ['//', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j is %j', (location, origin) => {
    expect(redirectOrigin(location, 'https://10.0.0.1:5050')).toBe(origin);
  });
});

describe('masterPlaces', () => {
  it('reads a list', () => {
    expect(masterPlaces('10.0.0.1, https://m:6060,')).toEqual({
      kind: 'list',
      origins: ['http://10.0.0.1:5050', 'https://m:6060'],
    });
  });

  it.each([
    ['consul://10.0.0.1/rimrock', 'http://10.0.0.1:8500', 'rimrock', ''],
    ['consul://10.0.0.1:80/a/b/', 'http://10.0.0.1:80', 'a/b', ''],
    ['consuls://:s%2Fecret@consul.example.com:8501/a', 'https://consul.example.com:8501', 'a', 's/ecret'],
    ['consuls://consul:443/a', 'https://consul:443', 'a', ''],
    ['consul://[2001:db8::1]:8500/a', 'http://[2001:db8::1]:8500', 'a', ''],
  ])('reads %j', (text, origin, prefix, token) => {
    const key = `${prefix}/elections/master/leader`;
    expect(masterPlaces(text)).toEqual({ kind: 'consul', key: { origin, key, token } });
  });

  it.each(['', ' , ', 'consul://10.0.0.1', 'consul:///a', 'consul://', 'ftp://x', '10.0.0.1,a b'])(
    'says what is wrong with %j',
    (text) => {
      expect(masterPlaces(text)).toEqual(expect.any(String));
    },
  );
});

describe('shownMaster', () => {
  it.each([
    ['consul://:to@ken@consul:8500/rimrock', 'consul://:********@consul:8500/rimrock'],
    ['http://u:p@m1:5050,https://u:p@m2:5050', 'http://u:********@m1:5050,https://u:********@m2:5050'],
    ['10.0.0.1:5050,http://10.0.0.2:5050', '10.0.0.1:5050,http://10.0.0.2:5050'],
    ['consul://10.0.0.1/a@b', 'consul://10.0.0.1/a@b'],
  ])('of %j has no secret', (text, shown) => {
    expect(shownMaster(text)).toBe(shown);
  });
});

describe('originOfMasterInfo', () => {
  it.each([
    ['{"address":{"ip":"10.0.0.1","port":5051}}', 'http://10.0.0.1:5051'],
    ['{"address":{"ip":"2001:db8::1","port":5051}}', 'http://[2001:db8::1]:5051'],
    ['{"address":{"ip":1,"port":5051}}', undefined],
    ['{"address":{"ip":"10.0.0.1/x","port":5051}}', undefined],
    ['{"address":null}', undefined],
    ['{}', undefined],
    ['null', undefined],
    ['nonsense', undefined],
  ])('%j is %j', (json, origin) => {
    expect(originOfMasterInfo(json)).toBe(origin);
  });
});
