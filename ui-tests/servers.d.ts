interface IServer {
  port: number;
  url: string;
  env: Record<string, string>;
}

declare const servers: Record<
  'plain' | 'collaborative' | 'engineless',
  IServer
>;

export default servers;
