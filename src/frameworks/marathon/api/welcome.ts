/** What a person sees who opens the API in a browser. */
export const WELCOME = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Rimrock: Marathon API</title>
<h1>Marathon API</h1>
<p>This address speaks the Marathon REST API. Where things are:</p>
<ul>
<li><a href="/v2/apps">/v2/apps</a>: the apps</li>
<li><a href="/v2/deployments">/v2/deployments</a>: changes on their way</li>
<li><a href="/v2/tasks">/v2/tasks</a>: what runs</li>
<li><a href="/v2/queue">/v2/queue</a>: what waits, and why</li>
<li><a href="/v2/info">/v2/info</a>, <a href="/health">/health</a>, <a href="/metrics">/metrics</a></li>
</ul>
</html>
`;
