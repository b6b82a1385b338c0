// What Restate runs: one durable step that submits the task upstream, as Darkroom's submission does.
Promise.withResolvers ??= function () {
  let resolve, reject;
  const promise = new Promise((good, bad) => ([resolve, reject] = [good, bad]));
  return { promise, resolve, reject };
};
const restate = await import("@restatedev/restate-sdk");

const submit = async (request) => {
  const answer = await fetch(`${process.env.UPSTREAM}/v1/images/generations`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt: request.prompt }),
  });
  return (await answer.json()).id;
};
const images = restate.service({
  name: "images",
  handlers: { generate: (context, request) => context.run("submit", () => submit(request)) },
});
restate.serve({ services: [images], port: Number(process.env.PORT) });
