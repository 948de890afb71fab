/**
 * Sentences of the server that hold names and figures, in the viewer's language. What is in no list stays as the server
 * said it: errors of the operating system and of other programs above all.
 */

interface Sentence {
  /** As the server says it; `{name}` stands for what changes. A test finds its words in the server's source. */
  server: string;
  ko: string;
}

/** The first that fits counts; what a name stands for may be a sentence itself. */
export const SENTENCES: readonly Sentence[] = [
  // Jobs.
  {
    server: '{what} is not supported yet: it finds no targets',
    ko: '{what}는 아직 지원하지 않아 수집 대상을 찾지 못합니다',
  },
  {
    server: '{found} targets found, {used} are used',
    ko: '수집 대상 {found}개를 찾았고 그중 {used}개를 씁니다',
  },
  { server: '{what} does not answer', ko: '{what}: 응답이 없습니다' },
  { server: 'job {job}: {problem}', ko: '작업 {job}: {problem}' },
  // Sections of the configuration, and blocks of Prometheus.
  {
    server: 'the section {section} of the configuration has no effect yet',
    ko: '설정의 {section} 섹션은 아직 효과가 없습니다',
  },
  { server: 'no trace of this program is sent', ko: '이 프로그램의 트레이스를 보내지 않습니다' },
  {
    server: 'the data directory also holds the write-ahead log of a Prometheus',
    ko: '데이터 디렉터리에 Prometheus의 선행 기록 로그가 있습니다',
  },
  {
    server: 'the data directory also holds {blocks} blocks of a Prometheus, from {from} to {to}',
    ko: '데이터 디렉터리에 Prometheus의 블록 {blocks}개가 있습니다({from}부터 {to}까지)',
  },
  {
    server: "run `{command}` beside this server; Prometheus' files stay as they are",
    ko: '이 서버 옆에서 `{command}`를 실행하세요. Prometheus의 파일은 그대로 둡니다',
  },
  // Containers and the host.
  { server: 'The container collector is switched off.', ko: '컨테이너 수집기가 꺼져 있습니다.' },
  { server: 'Only containers of the past are shown.', ko: '지난 컨테이너만 보입니다.' },
  {
    server: 'Set `collect: containers: enabled: true` in the configuration.',
    ko: '설정에 `collect: containers: enabled: true`를 넣어 주세요.',
  },
  {
    server: 'The container engine cannot be used: {error}.',
    ko: '컨테이너 엔진을 쓸 수 없습니다: {error}.',
  },
  {
    server:
      'The socket belongs to group {group}; this process runs as user {user}. Add the user to that group (`{command}`, then log in again), or in a container start with --group-add {gid}.',
    ko: '소켓은 그룹 {group}의 것이고 이 프로세스는 사용자 {user}로 실행 중입니다. 사용자를 그룹에 넣거나(`{command}` 후 다시 로그인), 컨테이너에서는 --group-add {gid} 옵션으로 시작해 주세요.',
  },
  {
    server: 'Let user {user} read the directory of the socket, or run as its owner.',
    ko: '사용자 {user}가 소켓의 디렉터리를 읽게 하거나, 그 소유자로 실행해 주세요.',
  },
  { server: '{path} is not a proc file system.', ko: '{path}는 proc 파일 시스템이 아닙니다.' },
  // Memory.
  {
    server: 'memory limit: {name} has {used} of {limit} bytes in use and needs {more} more',
    ko: '메모리 한도: {name}에 {limit}바이트 중 {used}바이트가 쓰이고 있고 {more}바이트가 더 필요합니다',
  },
  { server: 'a limit on series or on samples in memory', ko: '메모리의 시계열이나 표본의 한도' },
  {
    server: 'a budget of series, or the memory limit where it is nearly used up: see the page Cardinality',
    ko: '시계열 예산, 또는 거의 다 쓴 메모리 한도: 카디널리티 페이지를 보세요',
  },
  {
    server: '{resident} of {limit} bytes are resident, {reserved} reserved',
    ko: '{limit}바이트 중 {resident}바이트가 상주하고 {reserved}바이트가 예약되어 있습니다',
  },
  { server: 'the process', ko: '이 프로세스' },
  { server: 'memory of queries', ko: '쿼리의 메모리' },
  { server: 'this query', ko: '이 쿼리' },
  { server: 'requests', ko: '요청' },
  { server: 'rules', ko: '규칙' },
  { server: 'scraped bodies', ko: '스크레이프 본문' },
  { server: 'stored samples', ko: '저장된 표본' },
  { server: 'remote write', ko: '전달(remote write)' },
  // Folds and receivers.
  {
    server: 'label {label} of metric {metric} is folded: values over the budget are in the series with {series}',
    ko: '메트릭 {metric}의 레이블 {label}이(가) 접혀 있습니다. 예산을 넘은 값은 {series} 시계열에 있습니다',
  },
  { server: 'nothing is sent: {way} is not supported', ko: '보내지 않습니다: {way}는 지원하지 않습니다' },
];

const NAMES = /\{(\w+)\}/g;

const compiled = SENTENCES.map(({ server, ko }) => {
  const names: string[] = [];
  const parts = server.split(NAMES).map((part, at) => {
    if (at % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    names.push(part);
    return '(.+?)';
  });
  return { pattern: new RegExp(`^${parts.join('')}$`, 's'), names, ko };
});

/** A sentence of the server in the viewer's language. */
export function say(sentence: string, language: string): string {
  if (!language.startsWith('ko')) return sentence;
  for (const { pattern, names, ko } of compiled) {
    const found = pattern.exec(sentence);
    if (!found) continue;
    return ko.replace(NAMES, (_, name: string) => say(found[names.indexOf(name) + 1] ?? '', language));
  }
  return sentence;
}
