import { expect, test } from "vitest";
import { readVulkanLog } from "./vulkan-log.js";

/** From loader 1.3.239 with two drivers, shortened. */
const said = `INFO:             Vulkan Loader Version 1.3.239
DRIVER:           Searching for driver manifest files
DRIVER:              Found the following files:
DRIVER:                 /usr/share/vulkan/icd.d/radeon_icd.json
DRIVER:           Found ICD manifest file /usr/share/vulkan/icd.d/radeon_icd.json, version "1.0.0"
DEBUG | DRIVER:   Searching for ICD drivers named libvulkan_radeon.so
DRIVER:           Found ICD manifest file /opt/my drivers/lvp_icd.json, version "1.0.0"
DRIVER:           Found ICD manifest file /usr/share/vulkan/icd.d/radeon_icd.json, version "1.0.0"
INFO | DRIVER:    linux_read_sorted_physical_devices:
INFO | DRIVER:         Original order:
INFO | DRIVER:               [0] llvmpipe (LLVM 15.0.6, 256 bits)
INFO | DRIVER:         Sorted order:
INFO | DRIVER:               [0] llvmpipe (LLVM 15.0.6, 256 bits)  [default]
INFO | DRIVER:    linux_read_sorted_physical_devices:
INFO | DRIVER:         Original order:
INFO | DRIVER:               [0] llvmpipe (LLVM 15.0.6, 256 bits)
INFO | DRIVER:               [1] AMD Radeon RX 7900 XTX (RADV NAVI31)
INFO | DRIVER:         Sorted order:
INFO | DRIVER:               [0] AMD Radeon RX 7900 XTX (RADV NAVI31)  
INFO | DRIVER:               [1] llvmpipe (LLVM 15.0.6, 256 bits)  
DRIVER | LAYER:   vkCreateDevice layer callstack setup to:
DRIVER | LAYER:          Using "AMD Radeon RX 7900 XTX (RADV NAVI31)" with driver: "libvulkan_radeon.so"
`;

test("reads drivers, GPUs and the one that is taken", () => {
  expect(readVulkanLog(said)).toEqual({
    manifests: ["/usr/share/vulkan/icd.d/radeon_icd.json", "/opt/my drivers/lvp_icd.json"],
    devices: ["llvmpipe (LLVM 15.0.6, 256 bits)", "AMD Radeon RX 7900 XTX (RADV NAVI31)"],
    taken: "AMD Radeon RX 7900 XTX (RADV NAVI31)",
  });
});

test("nothing is read from what is none of the loader's", () => {
  expect(readVulkanLog("Warning: reduced to fit [0] limits\n")).toEqual({ manifests: [], devices: [] });
});
