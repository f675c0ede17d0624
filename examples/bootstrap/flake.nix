# A full-source bootstrap with no inputs: from the listing seed.hex0 and the bytes it
# describes to a compiler, tools, a seed that holds them and a project built with that seed.
# One derivation a step; each builder is the result of an earlier step, the first one the
# file `seed`. No shell, no nixpkgs, nothing of the host.
{
  description = "A full-source bootstrap from a hex seed of less than 300 bytes";

  outputs =
    { self }:
    let
      system = "x86_64-linux";

      # A file of this folder as a source of its own: an edit elsewhere does not move it.
      source =
        path:
        builtins.path {
          inherit path;
          name = baseNameOf path;
        };

      # Runs `builder`; its last argument is the result.
      step =
        name: builder: args:
        derivation {
          inherit name system builder;
          args = map (arg: "${arg}") args ++ [ (builtins.placeholder "out") ];
        };

      # The only binary that is not built. Its listing rebuilds it.
      seedBytes = builtins.path {
        path = ./seed;
        name = "hex0-seed";
      };
      hex0 = step "hex0" seedBytes [ (source ./seed.hex0) ];

      hex1Plain = step "hex1-plain" hex0 [ (source ./hex1.hex0) ];
      hex1 = step "hex1" hex1Plain [ (source ./hex1.hex1) ];

      asmPlain = step "asm-plain" hex1 [ (source ./asm.hex1) ];
      asm = step "asm" asmPlain [ (source ./asm.asm) ];

      ccPlain = step "cc-plain" asm [ (source ./cc.asm) ];
      ccOnce = step "cc-once" ccPlain [ (source ./cc.bc) ];
      cc = step "cc" ccOnce [ (source ./cc.bc) ];

      # cat stands alone; it joins the library to the source of every other tool.
      cat = step "cat" cc [ (source ./tools/cat.bc) ];
      lib = step "lib.bc" cat [ (source ./tools/lib.bc) ];
      tool =
        name: path:
        step name cc [
          (step "${name}.bc" cat [
            (source path)
            lib
          ])
        ];
      hello = tool "hello" ./tools/hello.bc;
      same = tool "same" ./tools/same.bc;
      sha256 = tool "sha256" ./tools/sha256.bc;
      text = tool "text" ./tools/text.bc;
      tree = tool "tree" ./tools/tree.bc;

      # Every stage rebuilds itself byte for byte, else there is no seed.
      fixpoint = name: files: step "${name}-fixpoint" same files;
      fixpoints = step "fixpoints" cat [
        (fixpoint "hex0" [
          seedBytes
          hex0
        ])
        (fixpoint "hex1" [
          hex1Plain
          hex1
        ])
        (fixpoint "asm" [
          asmPlain
          asm
        ])
        (fixpoint "cc" [
          ccOnce
          cc
        ])
      ];

      programs = {
        inherit
          asm
          cat
          cc
          hello
          hex0
          hex1
          same
          sha256
          text
          tree
          ;
      };
      names = builtins.attrNames programs;
      manifest = step "manifest" sha256 (map (name: programs.${name}) names);

      # The seed: bin with compiler and tools, the library, and what was checked.
      seed = step "seed" tree (
        builtins.concatMap (name: [
          "bin/${name}"
          programs.${name}
        ]) names
        ++ [
          "lib/lib.bc"
          lib
          "share/fixpoints"
          fixpoints
          "share/manifest"
          manifest
        ]
      );

      # The project is built with the seed alone: it is the only input besides its source.
      tallySource = step "tally.bc" "${seed}/bin/cat" [
        (source ./project/tally.bc)
        "${seed}/lib/lib.bc"
      ];
      project = step "tally" "${seed}/bin/cc" [ tallySource ];

      # The project run on its own source.
      projectRun = step "tally-run" project [ (source ./project/tally.bc) ];
    in
    {
      packages.${system} = programs // {
        inherit
          fixpoints
          lib
          manifest
          project
          seed
          ;
        hex1-plain = hex1Plain;
        asm-plain = asmPlain;
        cc-plain = ccPlain;
        cc-once = ccOnce;
        default = seed;
      };

      checks.${system} = {
        inherit fixpoints;
        project = projectRun;
      };
    };
}
