import Base
import ModelZoo
import Testing
import ViT

/// The table of known models.
@Suite struct ModelZooTests {
    @Test func everyEntryIsWhole() throws {
        #expect(Set(ModelZoo.entries.map(\.name)).count == ModelZoo.entries.count)
        #expect(Set(ModelZoo.entries.map(\.fileName)).count == ModelZoo.entries.count)
        for entry in ModelZoo.entries {
            #expect(entry.source.hasPrefix("https://") && entry.license == "Apache-2.0")
            #expect([0, 8, 64].contains(entry.sha256.count))
            #expect(entry.sha256.allSatisfy { $0.isHexDigit && !$0.isUppercase })
            let c = entry.configuration
            #expect(c.width == c.heads * 64)
            // Four bytes a parameter, and something for names and the format.
            if let size = entry.size {
                var parameters = CanonicalNames.required(by: c).reduce(0) { $0 + $1.shape.reduce(1, *) }
                if c.hasLayerScale { parameters += c.width }  // the mask token
                #expect((0..<200_000).contains(size - Int64(4 * parameters)), "\(entry.name)")
            }
        }
    }

    @Test func modelsAreFoundByNameAndAlias() throws {
        for entry in ModelZoo.entries { #expect(try ModelZoo.entry(named: entry.name) == entry) }
        #expect(try ModelZoo.entry(named: "dino").name == "dino_vitb16")
        #expect(try ModelZoo.entry(named: "supervised").name == "vit_base_patch16_224.augreg_in1k")
        #expect(ModelZoo.find("resnet50") == nil)
        let unknown = #expect(throws: VitvideoError.self) { try ModelZoo.entry(named: "resnet50") }
        #expect(unknown == .unknownModel("resnet50") && unknown?.kind == .usage)
        #expect(
            unknown?.description.hasPrefix(
                "unknown model 'resnet50'; known models: dino_vits16, dino_vits8, dino_vitb16, ") == true)
    }
}
