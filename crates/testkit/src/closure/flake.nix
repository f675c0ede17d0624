# A synthetic closure: the paths that closure.json lists, made by one program that the bootstrap built. There is
# nothing to fetch. Each path is a derivation of its own; what it refers to is an argument of its builder.
{
  description = "A synthetic closure from a full-source bootstrap";

  outputs =
    { self }:
    let
      system = "x86_64-linux";
      bootstrap = (import ./bootstrap/flake.nix).outputs { self = bootstrap; };
      inherit (bootstrap.packages.${system}) cat cc lib;

      step =
        name: builder: args:
        derivation {
          inherit name system builder;
          args = map (arg: "${arg}") args ++ [ (builtins.placeholder "out") ];
        };
      source = builtins.path {
        path = ./part.bc;
        name = "part.bc";
      };
      # The library first: the program writes through its descriptor.
      part = step "part" cc [
        (step "part-joined.bc" cat [
          lib
          source
        ])
      ];

      # One after another, so that a long chain does not need a deep stack.
      add =
        made: entry:
        let
          path = step entry.name part (
            [
              (toString entry.number)
              (toString entry.size)
            ]
            ++ map (builtins.elemAt made) entry.references
          );
        in
        builtins.seq path.drvPath (made ++ [ path ]);
      paths = builtins.foldl' add [ ] (builtins.fromJSON (builtins.readFile ./closure.json));
      seed = builtins.elemAt paths (builtins.length paths - 1);
    in
    {
      packages.${system} = {
        inherit seed;
        default = seed;
      };
    };
}
